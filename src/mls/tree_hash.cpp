// Tree hashes and parent hashes (RFC 9420 sections 7.8 and 7.9).
#include <algorithm>

#include "crypto/hash.h"
#include "mls/ratchet_tree.h"

namespace sotto::mls {

namespace {

// struct {
//   NodeType nodeType;
//   select (TreeHashInput.nodeType) {
//     case leaf:   LeafNodeHashInput { uint32 leaf_index; optional<LeafNode> leaf_node; };
//     case parent: ParentNodeHashInput { optional<ParentNode> parent_node; opaque left_hash<V>; opaque right_hash<V>;
//     };
//   };
// } TreeHashInput;
crypto::Sha256Digest leaf_hash(LeafIndex index, const LeafNode* leaf) {
  Writer writer;
  writer.integer(1, 1);
  writer << index;
  writer.integer(leaf != nullptr ? 1 : 0, 1);
  if (leaf != nullptr) writer << *leaf;
  return crypto::sha256(writer.bytes());
}

crypto::Sha256Digest inner_hash(const ParentNode* parent, const crypto::Sha256Digest& left,
                                const crypto::Sha256Digest& right) {
  Writer writer;
  writer.integer(2, 1);
  writer.integer(parent != nullptr ? 1 : 0, 1);
  if (parent != nullptr) writer << *parent;
  writer.opaque(left.view());
  writer.opaque(right.view());
  return crypto::sha256(writer.bytes());
}

}  // namespace

crypto::Sha256Digest RatchetTree::compute_hash(NodeIndex index) const {
  const auto& it = node(index);
  if (is_leaf(index)) return leaf_hash(to_leaf(index), it.leaf.get());
  return inner_hash(it.parent.get(), hash(left_child(index)), hash(right_child(index)));
}

crypto::Sha256Digest RatchetTree::hash(NodeIndex index) const {
  if (base_ == nullptr) {
    if (!slots_[index].hash_known) {
      const auto value = compute_hash(index);
      slots_[index].hash = value;
      slots_[index].hash_known = true;
    }
    return slots_[index].hash;
  }
  const auto it = overlay_.find(index);
  // A node that no change lies below has the hash that it has in the base.
  const bool in_base = base_->leaf_count_ > 0 && index < node_width(base_->leaf_count_);
  if (it == overlay_.end() && in_base) return base_->hash(index);
  if (it != overlay_.end() && it->second.hash_known) return it->second.hash;
  const auto value = compute_hash(index);
  auto& slot = overlay_[index];
  slot.hash = value;
  slot.hash_known = true;
  return value;
}

Bytes RatchetTree::root_hash() const { return to_bytes(hash(root()).view()); }

crypto::Sha256Digest RatchetTree::hash_without(NodeIndex index, const std::vector<LeafIndex>& leaves) const {
  const auto first = std::lower_bound(leaves.begin(), leaves.end(), LeafIndex{first_leaf(index)});
  if (first == leaves.end() || first->value > last_leaf(index)) return hash(index);
  if (is_leaf(index)) return leaf_hash(to_leaf(index), nullptr);
  const auto left = hash_without(left_child(index), leaves);
  const auto right = hash_without(right_child(index), leaves);
  const auto& parent = node(index).parent;
  if (!parent) return inner_hash(nullptr, left, right);
  ParentNode original = *parent;
  std::erase_if(original.unmerged_leaves,
                [&](LeafIndex leaf) { return std::binary_search(leaves.begin(), leaves.end(), leaf); });
  return inner_hash(&original, left, right);
}

Bytes RatchetTree::parent_hash(const ParentNode& parent, NodeIndex sibling) const {
  // struct {
  //     HPKEPublicKey encryption_key;
  //     opaque parent_hash<V>;
  //     opaque original_sibling_tree_hash<V>;
  // } ParentHashInput;
  Writer writer;
  writer << parent.encryption_key << parent.parent_hash;
  writer.opaque(hash_without(sibling, parent.unmerged_leaves).view());
  return to_bytes(crypto::sha256(writer.bytes()).view());
}

}  // namespace sotto::mls
