// How much a large group writes: a few small records a message, what changed a commit.
#include "group_fixture.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

namespace {
constexpr std::size_t max_message = 1024;
constexpr std::size_t max_commit = 64 * 1024;
}  // namespace

TEST_CASE("A group of 500 leaves writes little", "[mls][storage]") {
  World world(5);
  auto alice = world.founder("alice", {{0xf001, Bytes(300)}});
  std::vector<Device> others;
  CommitSpec spec;
  for (int i = 0; i < 499; ++i) {
    others.push_back(world.device("device " + std::to_string(i)));
    spec.adds.push_back(others.back().key_package());
  }
  const auto staged = must(alice.group->stage_commit(spec, world.random));
  const auto welcome = must(alice.group->make_welcome(staged.id, {}, TreeInWelcome::included, world.random));
  must(alice.group->merge_pending(staged.id, at(1)));
  auto& bob = others[3];
  auto& carol = others[400];
  world.join(bob, welcome);
  world.join(carol, welcome);
  require_agreement({&alice, &bob, &carol});

  const auto written = [](Device& device, auto action) {
    device.storage->reset_counters();
    action();
    return device.storage->bytes_written();
  };
  // The first message of a ratchet walks down the secret tree, later ones do not.
  Bytes message;
  for (int i = 0; i < 3; ++i) {
    CHECK(written(carol, [&] { message = world.say(carol, "hello"); }) < max_message);
    CHECK(written(alice, [&] { World::read(alice, message); }) < max_message);
    CHECK(written(bob, [&] { World::read(bob, message); }) < max_message);
  }
  CHECK(bob.storage->rows_written() <= 2);

  // The first commit is the worst: no parent has a key yet, so the path is encrypted to each leaf.
  for (auto* committer : {&bob, &carol, &alice}) {
    Bytes commit;
    CHECK(written(*committer, [&] {
            CommitSpec removal;
            if (committer == &carol) removal.removes = {{77}};
            const auto pending = must(committer->group->stage_commit(removal, world.random));
            must(committer->group->merge_pending(pending.id, at(1)));
            commit = pending.message;
          }) < max_commit);
    for (auto* device : {&alice, &bob, &carol}) {
      if (device == committer) continue;
      CHECK(written(*device, [&] { World::follow(*device, commit); }) < max_commit);
    }
    require_agreement({&alice, &bob, &carol});
  }
  bob.reload();
  require_agreement({&alice, &bob, &carol});
}

TEST_CASE("The records of past epochs do not pile up", "[mls][storage]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  std::vector<std::size_t> rows;
  for (int i = 0; i < 30; ++i) {
    world.commit(i % 2 == 0 ? alice : bob, {}, {&alice, &bob});
    World::read(bob, world.say(alice, "x"));
    rows.push_back(bob.storage->rows());
  }
  CHECK(rows[29] <= rows[12] + 2);
}
