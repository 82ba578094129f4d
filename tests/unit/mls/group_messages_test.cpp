// Application messages: order, repeats, forgery, past epochs, storage.
#include "group_fixture.h"
#include "mls/group_records.h"
#include "mls/message_protection.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

namespace {

/// What somebody who knows the group's secrets can send in the name of another member, without its signature key.
Bytes forge(const Device& insider, LeafIndex victim, std::uint32_t generation, World& world) {
  const auto record = must(decode<GroupRecord>(must(insider.storage->get({Table::group, 0, 0, 0}))->view()));
  AuthenticatedContent content;
  content.content.group_id = record.context.group_id;
  content.content.epoch = record.context.epoch;
  content.content.sender = {SenderType::member, victim.value};
  content.content.content = ApplicationData{to_bytes("forged")};
  content.sign(insider.signature_key.private_key, record.context);
  SecretTree keys(*insider.storage, record.context.epoch, record.leaf_count);
  const auto key = must(keys.find(victim, RatchetType::application, generation));
  return encode(MlsMessage{seal_private(content, key.key, record.secrets.sender_data_secret.view(), 0, world.random)});
}

}  // namespace

TEST_CASE("Messages open in any order and only once, with their sender and authenticated data", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  std::vector<Bytes> sent;
  for (int i = 0; i < 10; ++i) sent.push_back(world.say(alice, "message " + std::to_string(i)));
  for (const std::size_t i : {4U, 9U, 0U, 8U, 1U, 2U, 3U, 5U, 7U, 6U}) {
    if (i % 3 == 0) bob.reload();
    const auto opened = must(bob.group->open(sent[i]));
    const auto& message = std::get<ApplicationMessage>(opened);
    CHECK(to_string(message.plaintext) == "message " + std::to_string(i));
    CHECK(message.sender == alice.group->own_leaf_index());
    CHECK(message.sender_leaf->credential.identity == to_bytes("alice"));
    CHECK(message.authenticated_data == to_bytes("aad"));
    CHECK(message.epoch == 1);
    CHECK(message.generation == i);
    CHECK(bob.group->open(sent[i]).code() == ErrorCode::KEY_CONSUMED);
  }
  CHECK(alice.group->open(sent[0]).code() == ErrorCode::KEY_CONSUMED);
}

TEST_CASE("A message that was changed or forged does not open and uses no key up", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  const auto good = world.say(alice, "good");
  MemoryStorage before;
  before.copy_from(*bob.storage);

  auto changed = good;
  changed.back() ^= 1;
  CHECK(bob.group->open(changed).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(bob.group->open(forge(carol, alice.group->own_leaf_index(), 0, world)).code() == ErrorCode::BAD_SIGNATURE);
  CHECK(bob.group->open(forge(carol, alice.group->own_leaf_index(), 300, world)).code() == ErrorCode::BAD_SIGNATURE);
  CHECK(bob.group->open(forge(carol, bob.group->own_leaf_index(), 0, world)).code() == ErrorCode::KEY_CONSUMED);
  CHECK(before == *bob.storage);

  CHECK(World::read(bob, good) == "good");
}

TEST_CASE("Messages of other groups and epochs to come are told apart", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  const auto staged = must(alice.group->stage_commit({}, world.random));
  must(alice.group->merge_pending(staged.id, at(1)));
  const auto early = world.say(alice, "early");
  CHECK(bob.group->open(early).code() == ErrorCode::WRONG_EPOCH);
  World::follow(bob, staged.message);
  CHECK(World::read(bob, early) == "early");
  CHECK(bob.group->open(staged.message).code() == ErrorCode::WRONG_EPOCH);

  auto eve = world.device("eve");
  eve.group.emplace(must(
      Group::create({to_bytes("other"), eve.bundle, eve.signature_key.private_key, {}}, *eve.storage, world.random)));
  CHECK(bob.group->open(world.say(eve, "?")).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("Messages of five past epochs still open, with the sender's leaf of that time", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  std::vector<Bytes> from_carol;
  std::vector<Device*> members{&alice, &bob, &carol};
  for (int i = 0; i < 7; ++i) {
    from_carol.push_back(world.say(carol, std::to_string(i)));
    CommitSpec spec;
    if (i == 2) spec.new_leaf.credential = Credential::basic(as_bytes("carol the second"));
    if (i == 4) {
      // Carol's leaf goes, and somebody else takes its place.
      auto dave = world.device("dave");
      spec.removes = {carol.group->own_leaf_index()};
      spec.adds = {dave.key_package()};
      world.commit(alice, spec, members);
      members = {&alice, &bob};
      break;
    }
    world.commit(carol, spec, members);
  }
  // Epoch 6 now; carol wrote in 1 to 5.
  CHECK(bob.group->epoch() == 6);
  CHECK(bob.group->past_epochs() == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
  for (std::size_t i = 0; i < from_carol.size(); ++i) {
    bob.reload();
    const auto opened = must(bob.group->open(from_carol[i]));
    const auto& message = std::get<ApplicationMessage>(opened);
    CHECK(to_string(message.plaintext) == std::to_string(i));
    CHECK(to_string(message.sender_leaf->credential.identity) == (i <= 2 ? "carol" : "carol the second"));
  }
  CHECK_FALSE(carol.group->active());
  const auto late = world.say(alice, "late");
  for (int i = 0; i < 6; ++i) world.commit(alice, {}, members);
  CHECK(bob.group->open(late).code() == ErrorCode::WRONG_EPOCH);
  CHECK(bob.storage->rows_of(Table::past_epoch) == limits::past_epochs);
}

TEST_CASE("Past epochs are erased by the time at which they were superseded", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  std::vector<Bytes> sent;
  for (int i = 1; i <= 3; ++i) {
    sent.push_back(world.say(alice, "epoch " + std::to_string(i)));
    const auto staged = must(alice.group->stage_commit({}, world.random));
    must(alice.group->merge_pending(staged.id, at(0)));
    World::follow(bob, staged.message, at(i * 1000));
  }
  must(bob.group->erase_epochs_superseded_before(at(9000), 3));
  CHECK(bob.group->past_epochs() == std::vector<std::uint64_t>{1, 2, 3});
  must(bob.group->erase_epochs_superseded_before(at(2000), 0));
  CHECK(bob.group->past_epochs() == std::vector<std::uint64_t>{2, 3});
  CHECK(bob.group->open(sent[0]).code() == ErrorCode::WRONG_EPOCH);
  CHECK(World::read(bob, sent[1]) == "epoch 2");
  must(bob.group->erase_epochs_superseded_before(at(9000), 1));
  bob.reload();
  CHECK(bob.group->past_epochs() == std::vector<std::uint64_t>{3});
}

TEST_CASE("Padding hides the length within a step of Padmé", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  const auto size = [&](std::size_t length, Padding padding) {
    return must(alice.group->encrypt(Bytes(length), {}, padding, world.random)).size();
  };
  CHECK(size(1000, Padding::padme) == size(1020, Padding::padme));
  CHECK(size(1000, Padding::none) + 20 == size(1020, Padding::none));
  CHECK(size(1000, Padding::padme) != size(1500, Padding::padme));
}

TEST_CASE("What a storage cannot do comes back as its error", "[mls][group]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  const auto message = world.say(alice, "hello");
  for (std::size_t step = 0;; ++step) {
    MemoryStorage saved;
    saved.copy_from(*bob.storage);
    bob.storage->fail_after(step);
    const auto opened = bob.group->open(message);
    bob.storage->fail_after(std::nullopt);
    if (opened.ok()) break;
    REQUIRE(opened.code() == ErrorCode::IO_ERROR);
    // The caller's transaction rolls back, and the group is loaded again.
    bob.storage->copy_from(saved);
    bob.reload();
    REQUIRE(step < 100);
  }
  MemoryStorage empty;
  CHECK(Group::load(empty).code() == ErrorCode::NOT_FOUND);
}
