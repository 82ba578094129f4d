// The public ratchet tree (RFC 9420 section 7). A tree either owns all of its nodes, or is an overlay: a few changed
// nodes over a base that stays as it is. A commit is tried on an overlay and then absorbed, or dropped without a trace.
//
// Tree hashes are computed when asked for and remembered; a change forgets those on its path to the root only.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "mls/leaf_node.h"
#include "mls/tree_math.h"

namespace sotto::mls {

// struct {
//     HPKEPublicKey encryption_key;
//     opaque parent_hash<V>;
//     uint32 unmerged_leaves<V>;
// } ParentNode;
struct ParentNode {
  Bytes encryption_key;
  Bytes parent_hash;
  std::vector<LeafIndex> unmerged_leaves;
  SOTTO_MLS_FIELDS(encryption_key, parent_hash, unmerged_leaves)
};

/// One node: a leaf, a parent, or blank. Its content is shared and never changes.
struct TreeNode {
  std::shared_ptr<const LeafNode> leaf;
  std::shared_ptr<const ParentNode> parent;
  [[nodiscard]] bool blank() const { return !leaf && !parent; }
  // struct {
  //     NodeType node_type;
  //     select (Node.node_type) {
  //         case leaf:   LeafNode leaf_node;
  //         case parent: ParentNode parent_node;
  //     };
  // } Node;
  void write(Writer& writer) const;
  void read(Reader& reader);
};

/// A node of a filtered direct path with the child that is not on the path.
struct PathStep {
  NodeIndex node = 0;
  NodeIndex copath_child = 0;
};

class RatchetTree {
 public:
  /// No leaves.
  RatchetTree() = default;
  /// An overlay. `base` must stay where it is, and as it is, while the overlay is used.
  static RatchetTree over(const RatchetTree& base);
  RatchetTree(RatchetTree&&) = default;
  RatchetTree& operator=(RatchetTree&&) = default;

  /// Encoded `optional<Node> ratchet_tree<V>`, without blank nodes at the end.
  [[nodiscard]] Bytes serialize() const;
  /// Checks the shape only. Errors: MALFORMED, LIMIT_EXCEEDED.
  static Result<RatchetTree> parse(ByteView bytes);

  /// Leaves including blank ones: a power of two, or 0.
  [[nodiscard]] std::uint32_t leaf_count() const { return leaf_count_; }
  [[nodiscard]] NodeIndex root() const { return root_of(leaf_count_); }
  /// A blank node for an index beyond the tree.
  [[nodiscard]] const TreeNode& node(NodeIndex index) const;
  [[nodiscard]] const std::shared_ptr<const LeafNode>& leaf(LeafIndex index) const { return node(to_node(index)).leaf; }
  /// Null if the node is blank.
  [[nodiscard]] const Bytes* public_key(NodeIndex index) const;
  [[nodiscard]] std::vector<NodeIndex> resolution(NodeIndex index) const;
  /// The direct path without nodes whose copath child has an empty resolution (section 4.1.2).
  [[nodiscard]] std::vector<PathStep> filtered_direct_path(LeafIndex leaf) const;

  /// Takes the leftmost blank leaf, or doubles the tree (section 12.1.1). Errors: LIMIT_EXCEEDED.
  Result<LeafIndex> add(std::shared_ptr<const LeafNode> leaf);
  /// Replaces a leaf and blanks its direct path (section 12.1.2). Nothing happens to a blank leaf.
  void update(LeafIndex index, std::shared_ptr<const LeafNode> leaf);
  /// Blanks a leaf and its direct path, and halves the tree while its right half is blank (section 12.1.3). Nothing
  /// happens if it is blank already.
  void remove(LeafIndex index);
  void blank_direct_path(LeafIndex index);
  /// Sets a node within the tree. Also how a stored tree is built again, after `resize`.
  void set(NodeIndex index, TreeNode node);
  /// `leaves` is a power of two.
  void resize(std::uint32_t leaves);

  /// Section 7.8.
  [[nodiscard]] crypto::Sha256Digest hash(NodeIndex index) const;
  [[nodiscard]] Bytes root_hash() const;
  /// The tree hash of a node as if these leaves (ascending) had not been added yet: blank, and in no list of unmerged
  /// leaves. With a parent's unmerged leaves it is the original_sibling_tree_hash of section 7.9.
  [[nodiscard]] crypto::Sha256Digest hash_without(NodeIndex index, const std::vector<LeafIndex>& leaves) const;
  /// The parent hash of `parent` with copath child `sibling` (section 7.9).
  [[nodiscard]] Bytes parent_hash(const ParentNode& parent, NodeIndex sibling) const;

  /// Of an overlay: the nodes that were set, blank or not.
  [[nodiscard]] std::vector<std::pair<NodeIndex, TreeNode>> changes() const;
  /// Takes the changes of an overlay of this tree over.
  void absorb(RatchetTree&& overlay);

 private:
  struct Slot {
    TreeNode node;
    crypto::Sha256Digest hash;
    bool hash_known = false;
    bool node_set = false;  // in an overlay: false if the slot is only here for its hash
  };
  [[nodiscard]] crypto::Sha256Digest compute_hash(NodeIndex index) const;
  void forget_hashes_above(NodeIndex index);

  const RatchetTree* base_ = nullptr;
  std::uint32_t leaf_count_ = 0;
  /// No leaf before this one is blank.
  std::uint32_t first_blank_hint_ = 0;
  mutable std::vector<Slot> slots_;            // without base
  mutable std::map<NodeIndex, Slot> overlay_;  // with base
};

}  // namespace sotto::mls
