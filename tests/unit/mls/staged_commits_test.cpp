// Own commits wait for the log's decision: they win, lose, or are one of several, across restarts.
#include "crypto/hash.h"
#include "group_fixture.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

TEST_CASE("A staged commit changes nothing until it is merged", "[mls][staged]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  const auto authenticator = to_bytes(alice.group->epoch_authenticator());
  const auto staged = must(alice.group->stage_commit({}, world.random));
  CHECK(staged.id == crypto::sha256(staged.message));
  CHECK(alice.group->epoch() == 1);
  CHECK(equal(alice.group->epoch_authenticator(), authenticator));
  CHECK(World::read(bob, world.say(alice, "still")) == "still");
  must(alice.group->merge_pending(staged.id, at(1)));
  World::follow(bob, staged.message);
  require_agreement({&alice, &bob});
  CHECK(alice.group->merge_pending(staged.id, at(1)).code() == ErrorCode::NOT_FOUND);
}

TEST_CASE("The commit of another wins, and the own ones go with the epoch", "[mls][staged]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  const auto lost = must(alice.group->stage_commit({}, world.random));
  const auto won = must(bob.group->stage_commit({}, world.random));
  alice.reload();
  World::follow(alice, won.message);
  must(bob.group->merge_pending(won.id, at(1)));
  CHECK(alice.group->list_pending().empty());
  CHECK(alice.group->pending(lost.id).code() == ErrorCode::NOT_FOUND);
  CHECK(alice.storage->rows_of(Table::pending) == 0);
  CHECK(bob.group->open(lost.message).code() == ErrorCode::WRONG_EPOCH);
  require_agreement({&alice, &bob});
}

TEST_CASE("Several commits wait at once; any of them can be the one, after any restart", "[mls][staged]") {
  for (std::size_t winner = 0; winner < 3; ++winner) {
    World world(winner + 1);
    auto alice = world.founder("alice");
    auto bob = world.device("bob");
    auto carol = world.device("carol");
    auto dave = world.device("dave");
    world.gather(alice, {&bob, &carol});
    std::vector<StagedCommit> staged;
    std::vector<CommitSpec> specs(3);
    specs[0].adds = {dave.key_package()};
    specs[1].removes = {carol.group->own_leaf_index()};
    specs[2].new_leaf.signature_key = crypto::generate_signature_key(world.random);
    for (const auto& spec : specs) {
      staged.push_back(must(alice.group->stage_commit(spec, world.random)));
      alice.reload();
    }
    REQUIRE(alice.group->list_pending() == std::vector<CommitId>{staged[0].id, staged[1].id, staged[2].id});
    const auto welcome = must(alice.group->make_welcome(staged[0].id, {}, TreeInWelcome::included, world.random));
    alice.reload();
    const auto expected = must(alice.group->pending(staged[winner].id));
    must(alice.group->merge_pending(staged[winner].id, at(1)));
    CHECK(equal(alice.group->epoch_authenticator(), expected.epoch_authenticator.view()));
    CHECK(alice.group->list_pending().empty());
    alice.reload();
    World::follow(bob, staged[winner].message);
    if (winner == 0) world.join(dave, welcome);
    const auto outcome = World::follow(carol, staged[winner].message);
    CHECK((outcome == ApplyOutcome::removed) == (winner == 1));
    std::vector<Device*> members{&alice, &bob};
    if (winner != 1) members.push_back(&carol);
    if (winner == 0) members.push_back(&dave);
    require_agreement(members);
    CHECK(World::read(bob, world.say(alice, "signed with the key of now")) == "signed with the key of now");
    world.commit(alice, {}, members);
    world.commit(bob, {}, members);
    require_agreement(members);
  }
}

TEST_CASE("No handshake key is used twice, also if a commit is dropped", "[mls][staged]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  const auto first = must(alice.group->stage_commit({}, world.random));
  must(alice.group->drop_pending(first.id));
  CHECK(alice.group->drop_pending(first.id).code() == ErrorCode::NOT_FOUND);
  alice.reload();
  const auto second = must(alice.group->stage_commit({}, world.random));
  // Each opens under a generation of its own.
  CHECK(bob.group->open(second.message).ok());
  CHECK(bob.group->open(first.message).ok());
  CHECK(bob.group->open(first.message).code() == ErrorCode::KEY_CONSUMED);
}

TEST_CASE("What cannot be committed is refused, and leaves no trace", "[mls][staged]") {
  World world;
  auto alice = world.founder("alice", {{0xf001, {}}});
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob});
  MemoryStorage before;
  before.copy_from(*alice.storage);
  const auto result = [&](const CommitSpec& spec) { return alice.group->stage_commit(spec, world.random).code(); };
  CHECK(result({.removes = {{0}}}) == ErrorCode::INVALID_ARGUMENT);
  CHECK(result({.removes = {{5}}}) == ErrorCode::INVALID_ARGUMENT);
  CHECK(result({.removes = {{1}, {1}}}) == ErrorCode::INVALID_ARGUMENT);
  CHECK(result({.adds = {bob.key_package()}}) == ErrorCode::INVALID_ARGUMENT);
  CHECK(result({.adds = {carol.key_package(), carol.key_package()}}) == ErrorCode::INVALID_ARGUMENT);
  CHECK(result({.adds = {world.device("old", {}).key_package()}}) == ErrorCode::INVALID_ARGUMENT);
  auto bad = carol.key_package();
  bad.signature.front() ^= 1;
  CHECK(result({.adds = {bad}}) == ErrorCode::BAD_SIGNATURE);
  CHECK(result({.group_context_extensions = Extensions{{0xf002, {}}}}) == ErrorCode::INVALID_ARGUMENT);
  CHECK(result({.proposal_refs = {Bytes(32)}}) == ErrorCode::NOT_FOUND);
  CHECK(before == *alice.storage);
}

TEST_CASE("A rollback of the storage undoes a staged commit", "[mls][staged]") {
  World world;
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  world.gather(alice, {&bob});
  MemoryStorage saved;
  saved.copy_from(*alice.storage);
  const auto staged = must(alice.group->stage_commit({}, world.random));
  must(alice.group->merge_pending(staged.id, at(1)));
  alice.storage->copy_from(saved);
  alice.reload();
  CHECK(alice.group->epoch() == 1);
  CHECK(alice.group->list_pending().empty());
  world.commit(bob, {}, {&alice, &bob});
  require_agreement({&alice, &bob});
}
