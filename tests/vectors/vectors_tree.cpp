// Vectors of the ratchet tree: tree-operations, tree-validation, treekem.
#include "base/try.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "mls/labels.h"
#include "mls/ratchet_tree.h"
#include "mls/tree_kem.h"
#include "mls/tree_validation.h"
#include "vector_case.h"

namespace sotto::vectors {

using namespace mls;

namespace {

/// Whether the proposal is of a kind, and for a leaf, that the tree has.
bool applies_to(const RatchetTree& tree, const Proposal& proposal, LeafIndex sender) {
  if (!tree.leaf(sender)) return false;
  if (const auto* remove = std::get_if<Remove>(&proposal.content)) return tree.leaf(remove->removed) != nullptr;
  return proposal.type() == proposal_type::add || proposal.type() == proposal_type::update;
}

void apply(RatchetTree& tree, const Proposal& proposal, LeafIndex sender) {
  if (const auto* add = std::get_if<Add>(&proposal.content)) {
    (void)tree.add(std::make_shared<LeafNode>(add->key_package.leaf_node));
  } else if (const auto* update = std::get_if<Update>(&proposal.content)) {
    tree.update(sender, std::make_shared<LeafNode>(update->leaf_node));
  } else if (const auto* remove = std::get_if<Remove>(&proposal.content)) {
    tree.remove(remove->removed);
  }
}

struct Member {
  NodePrivateKeys keys;
  crypto::SignaturePrivateKey signature_key;
};

std::map<std::uint32_t, Member> read_members(Case& it, const RatchetTree& tree) {
  std::map<std::uint32_t, Member> out;
  for (const auto& leaf : it.entry().at("leaves_private")) {
    const LeafIndex index{leaf.at("index").get<std::uint32_t>()};
    Member member;
    member.signature_key = array_from<crypto::SignaturePrivateKey>(leaf.at("signature_priv"));
    member.keys.emplace(to_node(index), array_from<crypto::KemPrivateKey>(leaf.at("encryption_priv")));
    for (const auto& secret : leaf.at("path_secrets")) {
      auto key = crypto::derive_kem_key(derive_secret(hex(secret.at("path_secret")), "node").view());
      member.keys.emplace(secret.at("node").get<NodeIndex>(), std::move(key.private_key));
    }
    for (const auto& [node, key] : member.keys) {
      const auto* expected = tree.public_key(node);
      it.check(expected != nullptr && equal(crypto::public_key_of(key).view(), *expected),
               "private state of leaf " + std::to_string(index.value) + " at node " + std::to_string(node));
    }
    if (it.check(tree.leaf(index) != nullptr, "a private leaf is blank")) {
      it.check(equal(crypto::public_key_of(member.signature_key).view(), tree.leaf(index)->signature_key),
               "signature key of leaf " + std::to_string(index.value));
    }
    out.emplace(index.value, std::move(member));
  }
  return out;
}

class TreeKem {
 public:
  explicit TreeKem(Case& it) : case_(it) {
    context_.group_id = hex(it.entry().at("group_id"));
    context_.epoch = it.entry().at("epoch").get<std::uint64_t>();
    context_.confirmed_transcript_hash = hex(it.entry().at("confirmed_transcript_hash"));
  }

  void run() {
    auto parsed = RatchetTree::parse(hex(case_.entry().at("ratchet_tree")));
    if (!case_.check(parsed.ok(), "ratchet_tree does not parse")) return;
    tree_ = std::move(parsed).value();
    members_ = read_members(case_, tree_);
    for (LeafIndex i{0}; i.value < tree_.leaf_count(); ++i.value) {
      if (tree_.leaf(i)) case_.check(members_.contains(i.value), "no private state of a leaf");
    }
    for (const auto& test : case_.entry().at("update_paths")) {
      const LeafIndex sender{test.at("sender").get<std::uint32_t>()};
      if (!case_.check(tree_.leaf(sender) != nullptr, name(sender) + ": the sender is a blank leaf")) continue;
      process_given(sender, test);
      create_and_process(sender);
    }
  }

 private:
  static std::string name(LeafIndex sender) { return "path of leaf " + std::to_string(sender.value); }

  /// The path in an overlay of the tree, and the context with its hash.
  std::optional<RatchetTree> merged(LeafIndex sender, const UpdatePath& path) {
    auto tree = RatchetTree::over(tree_);
    const auto applied = apply_path(tree, sender, path, {});
    if (!case_.check(applied.ok(), name(sender) + ": " + (applied.ok() ? "" : applied.error().message))) return {};
    case_.check(path.leaf_node.verify(context_.group_id, sender), name(sender) + ": signature of the leaf");
    context_.tree_hash = tree.root_hash();
    return tree;
  }

  void process_given(LeafIndex sender, const json& test) {
    const auto path = parse<UpdatePath>(case_, test.at("update_path"), name(sender));
    if (!path) return;
    const auto tree = merged(sender, *path);
    if (!tree) return;
    case_.check_equal(context_.tree_hash, test.at("tree_hash_after"), name(sender) + ": tree_hash_after");
    const auto& secrets = test.at("path_secrets");
    for (const auto& [index, member] : members_) {
      if (index == sender.value) continue;
      const auto at = name(sender) + " for leaf " + std::to_string(index);
      const auto opened = open_path(*tree, sender, *path, {index}, member.keys, {}, encode(context_));
      if (!case_.check(opened.ok(), at + ": does not open")) continue;
      case_.check_equal(opened->steps.front().path_secret.view(), secrets.at(index), at + ": path_secret");
      case_.check_equal(opened->commit_secret.view(), test.at("commit_secret"), at + ": commit_secret");
    }
  }

  void create_and_process(LeafIndex sender) {
    SystemRandom random;
    const auto own = members_.find(sender.value);
    if (!case_.check(own != members_.end(), name(sender) + ": no private state")) return;
    auto tree = RatchetTree::over(tree_);
    const auto steps = tree.filtered_direct_path(sender);
    SecretBytes first(hash_size);
    random.fill(first.mutable_view());
    const auto secrets = derive_path(std::move(first), steps);
    std::vector<Bytes> keys;
    for (const auto& step : secrets.steps) keys.push_back(to_bytes(step.key.public_key.view()));
    UpdatePath path;
    path.leaf_node = *tree_.leaf(sender);
    path.leaf_node.source = LeafNodeSource::commit;
    path.leaf_node.encryption_key = to_bytes(crypto::generate_kem_key(random).public_key.view());
    path.leaf_node.parent_hash = set_path_keys(tree, sender, steps, keys);
    path.leaf_node.sign(own->second.signature_key, context_.group_id, sender);
    tree.set(to_node(sender), TreeNode{std::make_shared<LeafNode>(path.leaf_node), nullptr});
    context_.tree_hash = tree.root_hash();
    auto nodes = encrypt_path(tree, steps, secrets, {}, encode(context_), random);
    if (!case_.check(nodes.ok(), name(sender) + ": cannot be made")) return;
    path.nodes = std::move(nodes).value();

    const auto parsed = decode<UpdatePath>(encode(path));
    if (!case_.check(parsed.ok(), name(sender) + ": own path does not parse")) return;
    const auto again = merged(sender, *parsed);
    if (!again) return;
    case_.check(context_.tree_hash == tree.root_hash(), name(sender) + ": tree hash of the own path");
    case_.check(verify_parent_hashes(*again).ok(), name(sender) + ": parent hashes of the own path");
    for (const auto& [index, member] : members_) {
      if (index == sender.value) continue;
      const auto opened = open_path(*again, sender, *parsed, {index}, member.keys, {}, encode(context_));
      case_.check(opened.ok() && equal(opened->commit_secret.view(), secrets.commit_secret.view()),
                  name(sender) + ": own path for leaf " + std::to_string(index));
    }
  }

  Case& case_;
  GroupContext context_;
  RatchetTree tree_;
  std::map<std::uint32_t, Member> members_;
};

}  // namespace

void run_tree_operations(Case& it) {
  const auto& entry = it.entry();
  auto before = RatchetTree::parse(hex(entry.at("tree_before")));
  const auto proposal = parse<Proposal>(it, entry.at("proposal"), "proposal");
  if (!it.check(before.ok(), "tree_before does not parse") || !proposal) return;
  auto& tree = before.value();
  it.check_equal(tree.root_hash(), entry.at("tree_hash_before"), "tree_hash_before");
  const LeafIndex sender{entry.at("proposal_sender").get<std::uint32_t>()};
  if (!it.check(applies_to(tree, *proposal, sender), "the proposal does not apply to the tree")) return;
  // On an overlay, on the tree that absorbs it, and on a tree of its own: all must give the same.
  auto overlay = RatchetTree::over(tree);
  apply(overlay, *proposal, sender);
  it.check_equal(overlay.serialize(), entry.at("tree_after"), "tree_after of an overlay");
  it.check_equal(overlay.root_hash(), entry.at("tree_hash_after"), "tree_hash_after of an overlay");
  it.check_equal(tree.root_hash(), entry.at("tree_hash_before"), "tree_hash_before, after an overlay");
  tree.absorb(std::move(overlay));
  it.check_equal(tree.serialize(), entry.at("tree_after"), "tree_after, absorbed");
  it.check_equal(tree.root_hash(), entry.at("tree_hash_after"), "tree_hash_after, absorbed");
  auto direct = RatchetTree::parse(hex(entry.at("tree_before")));
  apply(*direct, *proposal, sender);
  it.check_equal(direct->serialize(), entry.at("tree_after"), "tree_after");
  it.check_equal(direct->root_hash(), entry.at("tree_hash_after"), "tree_hash_after");
}

void run_tree_validation(Case& it) {
  const auto& entry = it.entry();
  const auto tree = RatchetTree::parse(hex(entry.at("tree")));
  if (!it.check(tree.ok(), "tree does not parse")) return;
  const auto& resolutions = entry.at("resolutions");
  const auto& hashes = entry.at("tree_hashes");
  if (!it.check(resolutions.size() == node_width(tree->leaf_count()) && hashes.size() == resolutions.size(),
                "another number of nodes")) {
    return;
  }
  for (NodeIndex i = 0; i < resolutions.size(); ++i) {
    it.check(tree->resolution(i) == resolutions.at(i).get<std::vector<NodeIndex>>(),
             "resolution of node " + std::to_string(i));
    it.check_equal(tree->hash(i).view(), hashes.at(i), "tree hash of node " + std::to_string(i));
  }
  const auto group_id = hex(entry.at("group_id"));
  it.check(verify_parent_hashes(*tree).ok(), "parent hashes");
  it.check(verify_unmerged_leaves(*tree).ok(), "unmerged leaves");
  it.check(verify_leaves(*tree, group_id).ok(), "leaves");
  it.check(verify_tree(*tree, group_id, {}).ok(), "the whole tree");
  it.check_equal(tree->serialize(), entry.at("tree"), "encoded again");
}

void run_treekem(Case& it) { TreeKem(it).run(); }

}  // namespace sotto::vectors
