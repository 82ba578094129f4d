#include "mls/tree_validation.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/try.h"
#include "mls/tree_math.h"

namespace sotto::mls {

namespace {

Error invalid_tree(const char* why) { return {ErrorCode::INVALID_COMMIT, why}; }

const Bytes* stored_parent_hash(const TreeNode& node) {
  if (node.parent) return &node.parent->parent_hash;
  if (node.leaf && node.leaf->source == LeafNodeSource::commit) return &node.leaf->parent_hash;
  return nullptr;
}

/// How many nodes below `child` have a parent hash that is valid with respect to `parent` (section 7.9.2).
int count_valid_descendants(const RatchetTree& tree, const ParentNode& parent, NodeIndex child, NodeIndex sibling) {
  const auto expected = tree.parent_hash(parent, sibling);
  auto resolution = tree.resolution(child);
  std::vector<NodeIndex> unmerged;
  for (const auto leaf : parent.unmerged_leaves) {
    if (is_above(child, leaf)) unmerged.push_back(to_node(leaf));
  }
  if (resolution.size() != unmerged.size() + 1) return 0;
  std::sort(resolution.begin(), resolution.end());
  std::vector<NodeIndex> rest;
  std::set_difference(resolution.begin(), resolution.end(), unmerged.begin(), unmerged.end(), std::back_inserter(rest));
  if (rest.size() != 1) return 0;
  const auto* actual = stored_parent_hash(tree.node(rest.front()));
  return actual != nullptr && *actual == expected ? 1 : 0;
}

template <typename Visit>
void each_leaf(const RatchetTree& tree, Visit visit) {
  for (LeafIndex i{0}; i.value < tree.leaf_count(); ++i.value) {
    if (const auto& leaf = tree.leaf(i)) visit(i, *leaf);
  }
}

}  // namespace

Status verify_parent_hashes(const RatchetTree& tree) {
  for (NodeIndex i = 1; i < node_width(tree.leaf_count()); i += 2) {
    const auto& parent = tree.node(i).parent;
    if (!parent) continue;
    const auto left = left_child(i);
    const auto right = right_child(i);
    if (count_valid_descendants(tree, *parent, left, right) + count_valid_descendants(tree, *parent, right, left) !=
        1) {
      return invalid_tree("a parent hash does not verify");
    }
  }
  return {};
}

Status verify_unmerged_leaves(const RatchetTree& tree) {
  for (NodeIndex i = 1; i < node_width(tree.leaf_count()); i += 2) {
    const auto& parent = tree.node(i).parent;
    if (!parent) continue;
    const auto& leaves = parent->unmerged_leaves;
    if (std::adjacent_find(leaves.begin(), leaves.end(), std::greater_equal<>()) != leaves.end()) {
      return invalid_tree("unmerged leaves are not sorted");
    }
    for (const auto leaf : leaves) {
      if (leaf.value >= tree.leaf_count() || !is_above(i, leaf) || !tree.leaf(leaf)) {
        return invalid_tree("an unmerged leaf is blank or elsewhere");
      }
      for (auto between = parent_of(to_node(leaf)); between != i; between = parent_of(between)) {
        const auto& node = tree.node(between).parent;
        if (node && !std::binary_search(node->unmerged_leaves.begin(), node->unmerged_leaves.end(), leaf)) {
          return invalid_tree("an unmerged leaf is not unmerged below");
        }
      }
    }
  }
  return {};
}

Status verify_unique_keys(const RatchetTree& tree) {
  std::unordered_set<std::string_view> encryption_keys;
  std::unordered_set<std::string_view> signature_keys;
  encryption_keys.reserve(2 * tree.leaf_count());
  signature_keys.reserve(tree.leaf_count());
  for (NodeIndex i = 0; i < node_width(tree.leaf_count()); ++i) {
    const auto* key = tree.public_key(i);
    if (key == nullptr) continue;
    if (key->size() != crypto::KemPublicKey::size_bytes) return invalid_tree("an encryption key has the wrong size");
    if (!encryption_keys.insert(as_text(*key)).second) return invalid_tree("an encryption key is used twice");
    const auto& leaf = tree.node(i).leaf;
    if (leaf && !signature_keys.insert(as_text(leaf->signature_key)).second) {
      return invalid_tree("a signature key is used twice");
    }
  }
  return {};
}

Status verify_capabilities(const RatchetTree& tree, const Extensions& group_extensions) {
  std::set<CredentialType> used;
  each_leaf(tree, [&](LeafIndex, const LeafNode& leaf) { used.insert(leaf.credential.type); });
  bool all = true;
  each_leaf(tree, [&](LeafIndex, const LeafNode& leaf) {
    all = all && leaf.supports(group_extensions).ok() &&
          std::all_of(used.begin(), used.end(),
                      [&](CredentialType type) { return leaf.capabilities.has_credential(type); });
  });
  if (!all) return invalid_tree("a member does not support an extension, a credential or a required capability");
  return {};
}

Status verify_leaves(const RatchetTree& tree, ByteView group_id) {
  for (LeafIndex i{0}; i.value < tree.leaf_count(); ++i.value) {
    const auto& leaf = tree.leaf(i);
    if (!leaf) continue;
    if (!leaf->validate().ok()) return invalid_tree("a leaf is not valid");
    if (!leaf->verify(group_id, i)) return ErrorCode::BAD_SIGNATURE;
  }
  return {};
}

Status verify_tree(const RatchetTree& tree, ByteView group_id, const Extensions& group_extensions) {
  SOTTO_TRY(verify_unmerged_leaves(tree));
  SOTTO_TRY(verify_unique_keys(tree));
  SOTTO_TRY(verify_capabilities(tree, group_extensions));
  SOTTO_TRY(verify_parent_hashes(tree));
  return verify_leaves(tree, group_id);
}

}  // namespace sotto::mls
