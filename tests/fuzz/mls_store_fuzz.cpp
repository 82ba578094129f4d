// A stored group with damaged rows: it does not load, or it loads and does what a group does without a crash.
#include "crypto/init.h"
#include "mutator.h"
#include "unit/mls/group_fixture.h"

using namespace sotto;
using namespace sotto::mls;
using sotto::mls::test::must;

namespace {

struct Stored {
  Stored() {
    must(crypto::initialize());
    world.gather(bob, {&alice, &carol});
    message = world.say(bob, "of an epoch ago");
    world.commit(alice, {}, {&bob, &carol});
    // A pending commit, proposals, skipped keys and past epochs: a row of each table.
    must(alice.group->propose_update({}, as_bytes("aad"), world.random));
    const auto removal = must(bob.group->propose_remove({2}, as_bytes("aad"), world.random));
    (void)must(alice.group->open(removal));
    (void)must(alice.group->stage_commit({}, world.random));
    (void)world.say(bob, "skipped");
    late = world.say(bob, "late");
    (void)must(alice.group->open(world.say(bob, "first")));
    commit = must(bob.group->stage_commit({}, world.random)).message;
    for (const auto table : {Table::group, Table::node, Table::node_private, Table::past_epoch, Table::past_leaf,
                             Table::frontier, Table::ratchet, Table::skipped, Table::pending, Table::proposal}) {
      for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
        for (const auto& row : must(alice.storage->scan(table, epoch, std::nullopt))) {
          keys.push_back({table, epoch, row.index, row.generation});
        }
      }
    }
    fuzz::check(keys.size() > 15, "a group has rows");
  }
  mls::test::World world{1};
  mls::test::Device alice = world.device("alice");
  mls::test::Device bob = world.founder("bob");
  mls::test::Device carol = world.device("carol");
  Bytes message;
  Bytes late;
  Bytes commit;
  std::vector<StorageKey> keys;
};

void check_load(std::optional<ErrorCode> code) {
  fuzz::check(!code || code == ErrorCode::CORRUPT || code == ErrorCode::NEWER_SCHEMA || code == ErrorCode::NOT_FOUND,
              "a damaged group is called so");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Stored stored;
  FuzzedDataProvider input(data, size);
  MemoryStorage storage;
  storage.copy_from(*stored.alice.storage);
  for (int i = input.ConsumeIntegral<std::uint8_t>() % 4; i >= 0; --i) {
    const auto& key = fuzz::pick(stored.keys, input);
    if (input.ConsumeIntegral<std::uint8_t>() < 16) {
      must(storage.erase(key));
    } else {
      const auto value = must(storage.get(key));
      if (value) must(storage.put(key, fuzz::mutate_bytes(value->view(), input)));
    }
  }
  auto loaded = Group::load(storage);
  check_load(loaded.code());
  if (!loaded.ok()) return 0;
  auto& group = *loaded;
  SeededRandom random(2);
  (void)group.members().size();
  (void)group.ratchet_tree().size();
  for (const auto* message : {&stored.message, &stored.late}) (void)group.open(*message).ok();
  for (const auto& id : group.list_pending()) {
    (void)group.pending(id).ok();
    (void)group.make_welcome(id, {}, TreeInWelcome::included, random).ok();
  }
  (void)group.encrypt(as_bytes("text"), {}, Padding::padme, random).ok();
  if (input.ConsumeBool()) {
    (void)group.stage_commit({}, random).ok();
    if (const auto pending = group.list_pending(); !pending.empty()) {
      (void)group.merge_pending(pending.front(), mls::test::at(3)).ok();
    }
  } else if (auto opened = group.open(stored.commit); opened.ok()) {
    if (auto* commit = std::get_if<ReceivedCommit>(&*opened))
      (void)group.apply(std::move(*commit), mls::test::at(3)).ok();
  }
  check_load(Group::load(storage).code());
  return 0;
}
