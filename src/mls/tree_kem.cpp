#include "mls/tree_kem.h"

#include <algorithm>

#include "base/try.h"
#include "crypto/hpke.h"
#include "mls/labels.h"

namespace sotto::mls {

PathSecrets derive_path(SecretBytes path_secret, std::span<const PathStep> nodes) {
  PathSecrets out;
  for (const auto& node : nodes) {
    auto next = derive_secret(path_secret.view(), "path");
    auto key = crypto::derive_kem_key(derive_secret(path_secret.view(), "node").view());
    out.steps.push_back({node.node, std::move(path_secret), std::move(key)});
    path_secret = std::move(next);
  }
  out.commit_secret = std::move(path_secret);
  return out;
}

Bytes set_path_keys(RatchetTree& tree, LeafIndex leaf, std::span<const PathStep> steps, std::span<const Bytes> keys) {
  tree.blank_direct_path(leaf);
  Bytes parent_hash;  // of the root: empty
  for (std::size_t i = steps.size(); i-- > 0;) {
    auto node = std::make_shared<ParentNode>();
    node->encryption_key = keys[i];
    node->parent_hash = std::move(parent_hash);
    parent_hash = tree.parent_hash(*node, steps[i].copath_child);
    tree.set(steps[i].node, TreeNode{nullptr, std::move(node)});
  }
  return parent_hash;
}

std::vector<NodeIndex> path_receivers(const RatchetTree& tree, const PathStep& step, std::span<const LeafIndex> added) {
  auto out = tree.resolution(step.copath_child);
  std::erase_if(out, [&](NodeIndex node) {
    return is_leaf(node) && std::find(added.begin(), added.end(), to_leaf(node)) != added.end();
  });
  return out;
}

Result<std::vector<UpdatePathNode>> encrypt_path(const RatchetTree& tree, std::span<const PathStep> steps,
                                                 const PathSecrets& secrets, std::span<const LeafIndex> added,
                                                 ByteView context, Random& random) {
  std::vector<UpdatePathNode> out;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto& node = out.emplace_back();
    node.encryption_key = to_bytes(secrets.steps[i].key.public_key.view());
    for (const auto receiver : path_receivers(tree, steps[i], added)) {
      SOTTO_TRY_ASSIGN(auto sealed, encrypt_with_label(*tree.public_key(receiver), "UpdatePathNode", context,
                                                       secrets.steps[i].path_secret.view(), random));
      node.encrypted_path_secret.push_back(std::move(sealed));
    }
  }
  return out;
}

Status apply_path(RatchetTree& tree, LeafIndex sender, const UpdatePath& path, std::span<const LeafIndex> added) {
  const auto steps = tree.filtered_direct_path(sender);
  if (steps.size() != path.nodes.size()) {
    return Error(ErrorCode::INVALID_COMMIT, "an update path has the wrong number of nodes");
  }
  std::vector<Bytes> keys;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (path.nodes[i].encrypted_path_secret.size() != path_receivers(tree, steps[i], added).size()) {
      return Error(ErrorCode::INVALID_COMMIT, "an update path has the wrong number of ciphertexts");
    }
    if (!is_usable_kem_key(path.nodes[i].encryption_key)) {
      return Error(ErrorCode::INVALID_COMMIT, "an update path has an unusable key");
    }
    keys.push_back(path.nodes[i].encryption_key);
  }
  const auto parent_hash = set_path_keys(tree, sender, steps, keys);
  if (path.leaf_node.source != LeafNodeSource::commit || path.leaf_node.parent_hash != parent_hash) {
    return Error(ErrorCode::INVALID_COMMIT, "the parent hash of an update path does not verify");
  }
  tree.set(to_node(sender), TreeNode{std::make_shared<LeafNode>(path.leaf_node), nullptr});
  return {};
}

Result<PathSecrets> open_path(const RatchetTree& tree, LeafIndex sender, const UpdatePath& path, LeafIndex own,
                              const NodePrivateKeys& own_keys, std::span<const LeafIndex> added, ByteView context) {
  const auto failed = [](const char* why) { return Error(ErrorCode::CANNOT_FOLLOW, why); };
  const auto steps = tree.filtered_direct_path(sender);
  // The lowest step above both: the one whose copath child is above the own leaf.
  const auto step =
      std::find_if(steps.begin(), steps.end(), [&](const PathStep& it) { return is_above(it.copath_child, own); });
  if (step == steps.end()) return failed("no node of the path is above the own leaf");
  const auto first = static_cast<std::size_t>(step - steps.begin());
  const auto receivers = path_receivers(tree, *step, added);
  const auto receiver =
      std::find_if(receivers.begin(), receivers.end(), [&](NodeIndex node) { return own_keys.contains(node); });
  if (receiver == receivers.end()) return failed("the path secret is encrypted to none of the own keys");
  const auto& sealed = path.nodes[first].encrypted_path_secret[static_cast<std::size_t>(receiver - receivers.begin())];
  auto path_secret = decrypt_with_label(own_keys.at(*receiver), "UpdatePathNode", context, sealed);
  if (!path_secret.ok() || path_secret->size() != hash_size) return failed("the path secret does not open");
  auto out = derive_path(std::move(path_secret).value(), std::span(steps).subspan(first));
  for (std::size_t i = 0; i < out.steps.size(); ++i) {
    if (!equal(out.steps[i].key.public_key.view(), path.nodes[first + i].encryption_key)) {
      return failed("a derived key is not the one of the path");
    }
  }
  return out;
}

}  // namespace sotto::mls
