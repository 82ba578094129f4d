// Arithmetic on the array form of a full binary tree (RFC 9420 appendix C): leaves at even indices, the node of level k
// at indices whose k lowest bits are ones. The number of leaves is a power of two.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "mls/types.h"

namespace sotto::mls {

/// The position of a node, leaf or parent, in the array.
using NodeIndex = std::uint32_t;

constexpr NodeIndex to_node(LeafIndex leaf) { return leaf.value * 2; }
constexpr bool is_leaf(NodeIndex node) { return (node & 1) == 0; }
constexpr LeafIndex to_leaf(NodeIndex node) { return {node / 2}; }
/// 0 for a leaf.
constexpr std::uint32_t level(NodeIndex node) { return static_cast<std::uint32_t>(std::countr_one(node)); }
/// Number of nodes of a tree with `leaves` > 0 leaves.
constexpr std::uint32_t node_width(std::uint32_t leaves) { return 2 * leaves - 1; }
constexpr NodeIndex root_of(std::uint32_t leaves) { return leaves - 1; }

/// For parents only.
constexpr NodeIndex left_child(NodeIndex node) { return node ^ (1U << (level(node) - 1)); }
constexpr NodeIndex right_child(NodeIndex node) { return node ^ (3U << (level(node) - 1)); }

/// Not for the root.
constexpr NodeIndex parent_of(NodeIndex node) {
  const auto k = level(node);
  const auto bit = (node >> (k + 1)) & 1;
  return (node | (1U << k)) ^ (bit << (k + 1));
}
constexpr NodeIndex sibling_of(NodeIndex node) {
  const auto parent = parent_of(node);
  return node < parent ? right_child(parent) : left_child(parent);
}

/// The range of leaves under a node.
constexpr std::uint32_t first_leaf(NodeIndex node) { return (node - ((1U << level(node)) - 1)) / 2; }
constexpr std::uint32_t last_leaf(NodeIndex node) { return (node + ((1U << level(node)) - 1)) / 2; }
constexpr bool is_above(NodeIndex node, LeafIndex leaf) {
  return first_leaf(node) <= leaf.value && leaf.value <= last_leaf(node);
}

/// From the parent of the leaf to the root; empty for a leaf beyond the tree.
inline std::vector<NodeIndex> direct_path(LeafIndex leaf, std::uint32_t leaves) {
  std::vector<NodeIndex> out;
  if (leaf.value >= leaves) return out;
  for (NodeIndex node = to_node(leaf); node != root_of(leaves);) out.push_back(node = parent_of(node));
  return out;
}

}  // namespace sotto::mls
