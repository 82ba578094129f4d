#include "mls/ratchet_tree.h"

#include <algorithm>

#include "mls/limits.h"

namespace sotto::mls {

namespace {

enum class NodeType : std::uint8_t { leaf = 1, parent = 2 };
const TreeNode blank_node;

void collect_resolution(const RatchetTree& tree, NodeIndex index, std::vector<NodeIndex>& out) {
  const auto& node = tree.node(index);
  if (!node.blank()) {
    out.push_back(index);
    if (node.parent) {
      for (const auto leaf : node.parent->unmerged_leaves) out.push_back(to_node(leaf));
    }
  } else if (!is_leaf(index)) {
    collect_resolution(tree, left_child(index), out);
    collect_resolution(tree, right_child(index), out);
  }
}

bool has_empty_resolution(const RatchetTree& tree, NodeIndex index) {
  if (!tree.node(index).blank()) return false;
  return is_leaf(index) ||
         (has_empty_resolution(tree, left_child(index)) && has_empty_resolution(tree, right_child(index)));
}

}  // namespace

void TreeNode::write(Writer& writer) const {
  if (leaf) writer << NodeType::leaf << *leaf;
  if (parent) writer << NodeType::parent << *parent;
}

void TreeNode::read(Reader& reader) {
  NodeType type{};
  reader >> type;
  if (type == NodeType::leaf) {
    auto value = std::make_shared<LeafNode>();
    reader >> *value;
    leaf = std::move(value);
  } else if (type == NodeType::parent) {
    auto value = std::make_shared<ParentNode>();
    reader >> *value;
    parent = std::move(value);
  } else {
    reader.fail();
  }
}

RatchetTree RatchetTree::over(const RatchetTree& base) {
  RatchetTree out;
  out.base_ = &base;
  out.leaf_count_ = base.leaf_count_;
  out.first_blank_hint_ = base.first_blank_hint_;
  return out;
}

Bytes RatchetTree::serialize() const {
  std::uint32_t count = leaf_count_ == 0 ? 0 : node_width(leaf_count_);
  while (count > 0 && node(count - 1).blank()) --count;
  Writer nodes;
  for (NodeIndex i = 0; i < count; ++i) {
    nodes.integer(node(i).blank() ? 0 : 1, 1);
    if (!node(i).blank()) nodes << node(i);
  }
  Writer writer;
  writer.opaque(nodes.bytes());
  return std::move(writer).take();
}

Result<RatchetTree> RatchetTree::parse(ByteView bytes) {
  Reader outer(bytes);
  Reader reader(outer.opaque());
  if (!outer.ok() || outer.left() != 0) return ErrorCode::MALFORMED;
  std::vector<TreeNode> nodes;
  while (reader.left() > 0) {
    if (nodes.size() >= node_width(limits::tree_leaves)) return ErrorCode::LIMIT_EXCEEDED;
    std::optional<TreeNode> node;
    reader >> node;
    if (!reader.ok()) return ErrorCode::MALFORMED;
    const bool at_leaf = nodes.size() % 2 == 0;
    if (node && at_leaf != (node->leaf != nullptr)) return ErrorCode::MALFORMED;
    nodes.push_back(node ? std::move(*node) : TreeNode{});
  }
  // A tree is sent up to its last node that is not blank (section 12.4.3.3).
  if (nodes.empty() || nodes.back().blank()) return ErrorCode::MALFORMED;
  std::uint32_t leaves = 1;
  while (node_width(leaves) < nodes.size()) leaves *= 2;
  RatchetTree tree;
  tree.resize(leaves);
  for (NodeIndex i = 0; i < nodes.size(); ++i) tree.slots_[i].node = std::move(nodes[i]);
  return tree;
}

const TreeNode& RatchetTree::node(NodeIndex index) const {
  if (leaf_count_ == 0 || index >= node_width(leaf_count_)) return blank_node;
  if (base_ == nullptr) return slots_[index].node;
  const auto it = overlay_.find(index);
  return it != overlay_.end() && it->second.node_set ? it->second.node : base_->node(index);
}

const Bytes* RatchetTree::public_key(NodeIndex index) const {
  const auto& it = node(index);
  if (it.leaf) return &it.leaf->encryption_key;
  if (it.parent) return &it.parent->encryption_key;
  return nullptr;
}

std::vector<NodeIndex> RatchetTree::resolution(NodeIndex index) const {
  std::vector<NodeIndex> out;
  collect_resolution(*this, index, out);
  return out;
}

std::vector<PathStep> RatchetTree::filtered_direct_path(LeafIndex leaf) const {
  std::vector<PathStep> out;
  if (leaf.value >= leaf_count_) return out;
  for (NodeIndex child = to_node(leaf); child != root(); child = parent_of(child)) {
    const auto copath_child = sibling_of(child);
    if (!has_empty_resolution(*this, copath_child)) out.push_back({parent_of(child), copath_child});
  }
  return out;
}

void RatchetTree::forget_hashes_above(NodeIndex index) {
  for (NodeIndex i = index;; i = parent_of(i)) {
    if (base_ == nullptr) {
      slots_[i].hash_known = false;
    } else {
      overlay_[i].hash_known = false;
    }
    if (i == root()) break;
  }
}

void RatchetTree::set(NodeIndex index, TreeNode node) {
  auto& slot = base_ == nullptr ? slots_[index] : overlay_[index];
  slot.node = std::move(node);
  slot.node_set = true;
  forget_hashes_above(index);
}

void RatchetTree::resize(std::uint32_t leaves) {
  leaf_count_ = leaves;
  if (base_ == nullptr) slots_.resize(leaves == 0 ? 0 : node_width(leaves));
}

Result<LeafIndex> RatchetTree::add(std::shared_ptr<const LeafNode> leaf) {
  LeafIndex index{first_blank_hint_};
  while (index.value < leaf_count_ && this->leaf(index)) ++index.value;
  if (index.value >= limits::tree_leaves) return ErrorCode::LIMIT_EXCEEDED;
  if (index.value == leaf_count_) resize(leaf_count_ == 0 ? 1 : leaf_count_ * 2);
  first_blank_hint_ = index.value + 1;
  set(to_node(index), TreeNode{std::move(leaf), nullptr});
  for (const auto above : direct_path(index, leaf_count_)) {
    const auto& old = node(above).parent;
    if (!old) continue;
    auto parent = std::make_shared<ParentNode>(*old);
    auto& unmerged = parent->unmerged_leaves;
    unmerged.insert(std::upper_bound(unmerged.begin(), unmerged.end(), index), index);
    set(above, TreeNode{nullptr, std::move(parent)});
  }
  return index;
}

void RatchetTree::blank_direct_path(LeafIndex index) {
  for (const auto above : direct_path(index, leaf_count_)) {
    if (!node(above).blank()) set(above, {});
  }
}

void RatchetTree::update(LeafIndex index, std::shared_ptr<const LeafNode> leaf) {
  if (!this->leaf(index)) return;
  set(to_node(index), TreeNode{std::move(leaf), nullptr});
  blank_direct_path(index);
}

void RatchetTree::remove(LeafIndex index) {
  if (!leaf(index)) return;
  set(to_node(index), {});
  blank_direct_path(index);
  first_blank_hint_ = std::min(first_blank_hint_, index.value);
  std::uint32_t used = leaf_count_;
  while (used > 0 && !leaf({used - 1})) --used;
  std::uint32_t leaves = leaf_count_;
  while (leaves > 0 && used <= leaves / 2) leaves /= 2;
  if (leaves == leaf_count_) return;
  // What is cut off must not come back when the tree grows again.
  for (NodeIndex i = leaves == 0 ? 0 : node_width(leaves); i < node_width(leaf_count_); ++i) {
    if (!node(i).blank()) set(i, {});
  }
  resize(leaves);
}

std::vector<std::pair<NodeIndex, TreeNode>> RatchetTree::changes() const {
  std::vector<std::pair<NodeIndex, TreeNode>> out;
  for (const auto& [index, slot] : overlay_) {
    if (slot.node_set) out.emplace_back(index, slot.node);
  }
  return out;
}

void RatchetTree::absorb(RatchetTree&& overlay) {
  const auto leaves = overlay.leaf_count_;
  if (leaves > leaf_count_) resize(leaves);
  for (auto& [index, slot] : overlay.overlay_) {
    if (index >= slots_.size()) continue;
    auto& own = slots_[index];
    if (slot.node_set) own.node = std::move(slot.node);
    own.hash = slot.hash;
    own.hash_known = slot.hash_known;
  }
  if (leaves < leaf_count_) resize(leaves);
  first_blank_hint_ = overlay.first_blank_hint_;
  overlay.overlay_.clear();
}

}  // namespace sotto::mls
