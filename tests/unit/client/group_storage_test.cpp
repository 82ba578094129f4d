// The rows of MLS groups in the client's store behave as those of mls::MemoryStorage.
#include "client/group_storage.h"

#include "client/schema.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

Bytes bytes_of(const std::optional<SecretBytes>& value) { return value ? to_bytes(value->view()) : to_bytes("none"); }

void check_equal(mls::GroupStorage& a, mls::GroupStorage& b, mls::Table table, std::uint64_t epoch,
                 std::optional<std::uint64_t> index) {
  const auto left = must(a.scan(table, epoch, index));
  const auto right = must(b.scan(table, epoch, index));
  REQUIRE(left.size() == right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    CHECK(left[i].index == right[i].index);
    CHECK(left[i].generation == right[i].generation);
    CHECK(equal(left[i].value.view(), right[i].value.view()));
  }
}

}  // namespace

TEST_CASE("Random operations leave the same rows as in memory") {
  const auto db = must(open_store(":memory:"));
  SeededRandom random(GENERATE(1U, 2U, 3U));
  SqlGroupStorage stored(*db, id_of<ChatId>(1), 1);
  mls::MemoryStorage memory;
  const auto table = [&] { return static_cast<mls::Table>(1 + random.below(10)); };
  for (int i = 0; i < 3000; ++i) {
    const mls::StorageKey key{table(), random.below(3), random.below(5), random.below(3)};
    switch (random.below(8)) {
      case 0:
        must(stored.erase(key));
        must(memory.erase(key));
        break;
      case 1: {
        if (random.below(5) != 0) break;
        must(stored.erase_all(key.table, key.epoch));
        must(memory.erase_all(key.table, key.epoch));
        break;
      }
      case 2:
        CHECK(bytes_of(must(stored.get(key))) == bytes_of(must(memory.get(key))));
        break;
      case 3:
        check_equal(stored, memory, key.table, key.epoch, std::nullopt);
        check_equal(stored, memory, key.table, key.epoch, key.index);
        break;
      default: {
        Bytes value(random.below(40));  // also an empty one: it is there all the same
        random.fill(value);
        must(stored.put(key, value));
        must(memory.put(key, value));
      }
    }
  }
  for (std::uint8_t kind = 1; kind <= 10; ++kind) {
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      check_equal(stored, memory, static_cast<mls::Table>(kind), epoch, std::nullopt);
    }
  }
}

TEST_CASE("Chats and generations are apart") {
  const auto db = must(open_store(":memory:"));
  SqlGroupStorage one(*db, id_of<ChatId>(1), 1);
  SqlGroupStorage later(*db, id_of<ChatId>(1), 2);
  SqlGroupStorage other(*db, id_of<ChatId>(2), 1);
  const mls::StorageKey key{mls::Table::node, 0, 7, 0};
  must(one.put(key, as_bytes("one")));
  must(later.put(key, as_bytes("later")));
  must(other.erase_all(mls::Table::node, 0));
  CHECK(bytes_of(must(one.get(key))) == to_bytes("one"));
  CHECK(bytes_of(must(later.get(key))) == to_bytes("later"));
  CHECK_FALSE(must(other.get(key)).has_value());
  must(one.erase_all(mls::Table::node, 0));
  CHECK(bytes_of(must(later.get(key))) == to_bytes("later"));
}

TEST_CASE("Values of all sizes come back") {
  const auto db = must(open_store(":memory:"));
  SqlGroupStorage storage(*db, id_of<ChatId>(1), 1);
  SeededRandom random(4);
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 1U << 20}) {
    Bytes value(size);
    random.fill(value);
    const mls::StorageKey key{mls::Table::group, 0, size, 0};
    must(storage.put(key, value));
    const auto back = must(storage.get(key));
    REQUIRE(back.has_value());
    CHECK(equal(back->view(), value));
  }
}

TEST_CASE("A group goes on from the store") {
  test::People people(5);
  const auto db = must(open_store(":memory:"));
  SqlGroupStorage storage(*db, id_of<ChatId>(1), 1);
  auto& alice = people.member();
  auto& bob = people.member();
  ChatStateView state;
  state.rules_version = 1;
  people.found(alice, state);
  mls::CommitSpec spec;
  spec.adds.push_back(people.key_package(bob));
  const auto staged = must(alice.group->stage_commit(spec, people.random));
  const auto welcome = must(alice.group->make_welcome(staged.id, {}, mls::TreeInWelcome::included, people.random));
  must(alice.group->merge_pending(staged.id, noon));
  const auto message = must(alice.group->encrypt(as_bytes("hi"), {}, mls::Padding::padme, people.random));
  {
    const auto joined = must(mls::Group::join(welcome, *bob.bundle, std::nullopt, bob.key.private_key, storage));
    CHECK(joined.epoch() == 1);
  }
  auto loaded = must(mls::Group::load(storage));
  const auto opened = must(loaded.open(message));
  CHECK(std::get<mls::ApplicationMessage>(opened).plaintext == to_bytes("hi"));
  CHECK(equal(loaded.epoch_authenticator(), alice.group->epoch_authenticator()));

  must(mls::Group::erase(storage));
  CHECK(mls::Group::load(storage).code() == ErrorCode::NOT_FOUND);
  CHECK(must(db->one<std::int64_t>("SELECT count(*) FROM mls")).value() == 0);
}
