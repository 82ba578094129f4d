// A stored group whose rows are damaged in a way that still parses: it does not load, rather than crash later.
#include "mls/group_records.h"
#include "mls/ratchet_tree.h"
#include "unit/mls/group_fixture.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

namespace {

struct Fixture {
  World world;
  Device alice = world.founder("alice");
  Device bob = world.device("bob");

  Fixture() { world.gather(alice, {&bob}); }
  StorageKey own_node() const { return {Table::node, 0, 2ULL * alice.group->own_leaf_index().value, 0}; }
  std::optional<ErrorCode> load() { return Group::load(*alice.storage).code(); }
};

}  // namespace

TEST_CASE("A stored group without its own leaf is damaged") {
  Fixture f;
  must(f.alice.storage->erase(f.own_node()));
  CHECK(f.load() == ErrorCode::CORRUPT);
}

TEST_CASE("A stored group whose own leaf is beyond its tree is damaged") {
  Fixture f;
  const StorageKey key{Table::group, 0, 0, 0};
  const auto row = must(f.alice.storage->get(key));
  auto record = must(decode<GroupRecord>(row->view()));
  record.own_leaf.value = record.leaf_count;
  must(f.alice.storage->put(key, encode_secret(record).view()));
  CHECK(f.load() == ErrorCode::CORRUPT);
}

TEST_CASE("A stored node of the wrong kind for its place is damaged") {
  Fixture f;
  ParentNode parent;
  parent.encryption_key = Bytes(32, 1);
  const auto leaf = must(f.alice.storage->get(f.own_node()));
  SECTION("a parent in the place of a leaf") {
    must(f.alice.storage->put(f.own_node(), encode(TreeNode{nullptr, std::make_shared<ParentNode>(parent)})));
  }
  SECTION("a leaf in the place of a parent") { must(f.alice.storage->put({Table::node, 0, 1, 0}, leaf->view())); }
  CHECK(f.load() == ErrorCode::CORRUPT);
}

TEST_CASE("A stored proposal that is a commit is damaged") {
  Fixture f;
  ProposalRecord record;
  record.content.content.content = Commit{};
  must(f.alice.storage->put({Table::proposal, f.alice.group->epoch(), 0, 0}, encode_secret(record).view()));
  CHECK(f.load() == ErrorCode::CORRUPT);
}

TEST_CASE("A past epoch that a damaged record puts far away is not looked for") {
  Fixture f;
  const auto message = f.world.say(f.bob, "of an epoch ago");
  f.world.commit(f.alice, {}, {&f.bob});
  const StorageKey key{Table::group, 0, 0, 0};
  const auto row = must(f.alice.storage->get(key));
  auto record = must(decode<GroupRecord>(row->view()));
  record.context.epoch = limits::last_epoch;
  must(f.alice.storage->put(key, encode_secret(record).view()));
  auto group = must(Group::load(*f.alice.storage));
  CHECK(group.open(message).code() == ErrorCode::WRONG_EPOCH);
}

TEST_CASE("A past epoch whose tree has no possible size is damaged") {
  Fixture f;
  const auto message = f.world.say(f.bob, "of an epoch ago");
  const StorageKey key{Table::past_epoch, f.alice.group->epoch(), 0, 0};
  f.world.commit(f.alice, {}, {&f.bob});
  const auto row = must(f.alice.storage->get(key));
  auto record = must(decode<PastEpochRecord>(row->view()));
  record.leaf_count = GENERATE(0U, 3U, 1U << 31);
  must(f.alice.storage->put(key, encode_secret(record).view()));
  CHECK(f.alice.group->open(message).code() == ErrorCode::CORRUPT);
}
