#include "mls/ratchet_tree.h"

#include "group_fixture.h"
#include "mls/tree_kem.h"
#include "mls/tree_validation.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

namespace {

std::shared_ptr<const LeafNode> some_leaf(Random& random) {
  auto leaf = std::make_shared<LeafNode>();
  leaf->encryption_key.resize(32);
  leaf->signature_key.resize(32);
  random.fill(leaf->encryption_key);
  random.fill(leaf->signature_key);
  return leaf;
}

void put_random_path(RatchetTree& tree, LeafIndex index, Random& random) {
  const auto steps = tree.filtered_direct_path(index);
  std::vector<Bytes> keys(steps.size(), Bytes(32));
  for (auto& key : keys) random.fill(key);
  auto leaf = std::make_shared<LeafNode>(*tree.leaf(index));
  random.fill(leaf->encryption_key);
  leaf->source = LeafNodeSource::commit;
  leaf->parent_hash = set_path_keys(tree, index, steps, keys);
  tree.set(to_node(index), TreeNode{std::move(leaf), nullptr});
}

std::vector<LeafIndex> present(const RatchetTree& tree) {
  std::vector<LeafIndex> out;
  for (LeafIndex i{0}; i.value < tree.leaf_count(); ++i.value) {
    if (tree.leaf(i)) out.push_back(i);
  }
  return out;
}

void random_step(RatchetTree& tree, Random& random) {
  const auto leaves = present(tree);
  const auto choice = random.below(4);
  const auto which = leaves[random.below(leaves.size())];
  if (choice == 0 || leaves.size() < 2) {
    must(tree.add(some_leaf(random)));
  } else if (choice == 1) {
    tree.remove(which);
  } else if (choice == 2) {
    tree.update(which, some_leaf(random));
  } else {
    put_random_path(tree, which, random);
  }
}

}  // namespace

TEST_CASE("Leaves fill the leftmost place, and the tree is as wide as it must be", "[mls][tree]") {
  SeededRandom random(1);
  RatchetTree tree;
  for (std::uint32_t i = 0; i < 5; ++i) CHECK(must(tree.add(some_leaf(random))).value == i);
  CHECK(tree.leaf_count() == 8);
  tree.remove({1});
  CHECK(must(tree.add(some_leaf(random))).value == 1);
  tree.remove({4});
  CHECK(tree.leaf_count() == 4);
  tree.remove({2});
  tree.remove({3});
  CHECK(tree.leaf_count() == 2);
}

TEST_CASE("A leaf that is added below a parent is unmerged there until the parent is set anew", "[mls][tree]") {
  SeededRandom random(1);
  RatchetTree tree;
  for (int i = 0; i < 3; ++i) must(tree.add(some_leaf(random)));
  put_random_path(tree, {0}, random);
  must(tree.add(some_leaf(random)));
  CHECK(tree.node(tree.root()).parent->unmerged_leaves == std::vector<LeafIndex>{{3}});
  CHECK(tree.resolution(tree.root()) == std::vector<NodeIndex>{tree.root(), 6});
  put_random_path(tree, {0}, random);
  CHECK(tree.node(tree.root()).parent->unmerged_leaves.empty());
}

TEST_CASE("An overlay equals the changed tree, leaves its base alone, and can be absorbed", "[mls][tree]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    RatchetTree base;
    must(base.add(some_leaf(random)));
    for (int round = 0; round < 40; ++round) {
      const auto before = base.serialize();
      const auto hash_before = base.root_hash();
      auto overlay = RatchetTree::over(base);
      const auto steps = 1 + random.below(6);
      for (std::uint64_t i = 0; i < steps; ++i) {
        random_step(overlay, random);
        if (random.below(2) == 0) (void)overlay.root_hash();
      }
      const auto fresh = must(RatchetTree::parse(overlay.serialize()));
      REQUIRE(overlay.root_hash() == fresh.root_hash());
      REQUIRE(base.serialize() == before);
      REQUIRE(base.root_hash() == hash_before);
      if (random.below(4) == 0) continue;
      const auto expected = overlay.serialize();
      base.absorb(std::move(overlay));
      REQUIRE(base.serialize() == expected);
      REQUIRE(base.root_hash() == fresh.root_hash());
      REQUIRE(base.leaf_count() == fresh.leaf_count());
    }
  }
}

TEST_CASE("Parent hashes hold through additions, removals and paths, and break with any key", "[mls][tree]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SeededRandom random(seed);
    RatchetTree tree;
    must(tree.add(some_leaf(random)));
    for (int round = 0; round < 60; ++round) {
      random_step(tree, random);
      REQUIRE(verify_parent_hashes(tree).ok());
      REQUIRE(verify_unmerged_leaves(tree).ok());
      REQUIRE(verify_unique_keys(tree).ok());
    }
    for (NodeIndex i = 1; i < node_width(tree.leaf_count()); i += 2) {
      if (tree.node(i).blank()) continue;
      auto changed = RatchetTree::over(tree);
      auto node = std::make_shared<ParentNode>(*tree.node(i).parent);
      node->encryption_key.front() ^= 1;
      changed.set(i, TreeNode{nullptr, node});
      CHECK(verify_parent_hashes(changed).code() == ErrorCode::INVALID_COMMIT);
    }
  }
}

TEST_CASE("A key that is used twice, or a wrong list of unmerged leaves, makes a tree invalid", "[mls][tree]") {
  SeededRandom random(3);
  RatchetTree tree;
  for (int i = 0; i < 4; ++i) must(tree.add(some_leaf(random)));
  put_random_path(tree, {0}, random);
  auto twice = std::make_shared<LeafNode>(*tree.leaf({1}));
  twice->signature_key = tree.leaf({2})->signature_key;
  auto changed = RatchetTree::over(tree);
  changed.set(2, TreeNode{twice, nullptr});
  CHECK(verify_unique_keys(changed).code() == ErrorCode::INVALID_COMMIT);
  for (const auto& list :
       {std::vector<LeafIndex>{{9}}, std::vector<LeafIndex>{{1}, {1}}, std::vector<LeafIndex>{{2}}}) {
    auto node = std::make_shared<ParentNode>(*tree.node(1).parent);
    node->unmerged_leaves = list;
    auto other = RatchetTree::over(tree);
    other.set(1, TreeNode{nullptr, node});
    CHECK(verify_unmerged_leaves(other).code() == ErrorCode::INVALID_COMMIT);
  }
}

TEST_CASE("A tree that ends blank, has nodes in the wrong place or is too large does not parse", "[mls][tree]") {
  SeededRandom random(1);
  RatchetTree tree;
  must(tree.add(some_leaf(random)));
  Writer body;
  body.integer(1, 1);
  body << tree.node(0);
  const auto wrapped = [](const Bytes& nodes) {
    Writer out;
    out.opaque(nodes);
    return std::move(out).take();
  };
  CHECK(RatchetTree::parse(wrapped(body.bytes())).ok());
  auto ends_blank = body.bytes();
  ends_blank.push_back(0);
  CHECK(RatchetTree::parse(wrapped(ends_blank)).code() == ErrorCode::MALFORMED);
  auto misplaced = Bytes{0};
  append(misplaced, body.bytes());
  CHECK(RatchetTree::parse(wrapped(misplaced)).code() == ErrorCode::MALFORMED);
  CHECK(RatchetTree::parse(wrapped({})).code() == ErrorCode::MALFORMED);
  CHECK(RatchetTree::parse(wrapped(Bytes(100000))).code() == ErrorCode::LIMIT_EXCEEDED);
}
