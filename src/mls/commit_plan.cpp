#include "mls/commit_plan.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/try.h"
#include "mls/tree_validation.h"

namespace sotto::mls {

namespace {

Error invalid(const char* why) { return {ErrorCode::INVALID_COMMIT, why}; }

/// The proposals sorted by the step in which they are applied.
struct Sorted {
  const GroupContextExtensions* extensions = nullptr;
  std::vector<std::pair<LeafIndex, const LeafNode*>> updates;
  std::vector<LeafIndex> removes;
  std::vector<const KeyPackage*> adds;
  std::vector<PreSharedKeyId> psks;
};

Status check_psk(const PreSharedKeyId& id, std::set<std::string>& seen) {
  if (id.psk_nonce.size() != hash_size) return invalid("the nonce of a PSK has the wrong size");
  if (id.type == PskType::resumption && id.usage != ResumptionPskUsage::application) {
    return invalid("a resumption PSK of a usage that no commit may have");
  }
  if (!seen.insert(to_string(encode(id))).second) return invalid("a PSK is used twice");
  return {};
}

Result<Sorted> sort(const std::vector<ResolvedProposal>& proposals, LeafIndex committer) {
  Sorted out;
  std::set<LeafIndex> touched;
  std::set<std::string> psks;
  for (const auto& it : proposals) {
    const auto& content = it.proposal.content;
    if (const auto* add = std::get_if<Add>(&content)) {
      out.adds.push_back(&add->key_package);
    } else if (const auto* update = std::get_if<Update>(&content)) {
      if (it.sender == committer || !it.by_reference) return invalid("an update by the committer");
      if (!touched.insert(it.sender).second) return invalid("a leaf is changed twice");
      out.updates.emplace_back(it.sender, &update->leaf_node);
    } else if (const auto* remove = std::get_if<Remove>(&content)) {
      if (remove->removed == committer) return invalid("the committer removes itself");
      if (!touched.insert(remove->removed).second) return invalid("a leaf is changed twice");
      out.removes.push_back(remove->removed);
    } else if (const auto* psk = std::get_if<PreSharedKey>(&content)) {
      SOTTO_TRY(check_psk(psk->psk, psks));
      out.psks.push_back(psk->psk);
    } else if (const auto* extensions = std::get_if<GroupContextExtensions>(&content)) {
      if (out.extensions != nullptr) return invalid("group context extensions twice");
      out.extensions = extensions;
    } else if (std::holds_alternative<ReInit>(content)) {
      if (proposals.size() > 1) return invalid("ReInit beside other proposals");
      return Error(ErrorCode::UNSUPPORTED, "ReInit");
    } else {
      return invalid("ExternalInit in a commit of a member");
    }
  }
  return out;
}

Status check_extensions(const Extensions& extensions) {
  if (has_duplicates(extensions)) return invalid("a group context extension twice");
  if (const auto* data = find_extension(extensions, extension_type::required_capabilities)) {
    if (!decode<RequiredCapabilities>(*data).ok()) return invalid("required_capabilities does not parse");
  }
  if (const auto* data = find_extension(extensions, extension_type::external_senders)) {
    if (!decode<ExternalSenders>(*data).ok()) return invalid("external_senders does not parse");
  }
  return {};
}

Status apply_updates(CommitPlan& plan, const Sorted& sorted, PlanCheck check) {
  for (const auto& [index, leaf] : sorted.updates) {
    const auto old = plan.tree.leaf(index);
    if (!old) return invalid("an update of a blank leaf");
    if (check != PlanCheck::already_done) {
      if (leaf->source != LeafNodeSource::update || !leaf->validate().ok())
        return invalid("an updated leaf is not valid");
      if (!leaf->verify(plan.next.group_id, index)) return ErrorCode::BAD_SIGNATURE;
      if (leaf->encryption_key == old->encryption_key) return invalid("an update keeps its encryption key");
    }
    auto node = std::make_shared<const LeafNode>(*leaf);
    plan.effects.updates.push_back({index, node});
    plan.tree.update(index, std::move(node));
  }
  return {};
}

Status apply_adds(CommitPlan& plan, const Sorted& sorted, PlanCheck check) {
  for (const auto* key_package : sorted.adds) {
    if (check == PlanCheck::own) SOTTO_TRY(key_package->validate());
    if (check == PlanCheck::received && !key_package->validate().ok()) return invalid("a key package is not valid");
    SOTTO_TRY_ASSIGN(const auto index, plan.tree.add(std::make_shared<LeafNode>(key_package->leaf_node)));
    plan.added.push_back(index);
    plan.effects.adds.push_back({index, *key_package});
  }
  return {};
}

}  // namespace

bool may_omit_path(const std::vector<ResolvedProposal>& proposals) {
  return !proposals.empty() && std::all_of(proposals.begin(), proposals.end(), [](const ResolvedProposal& it) {
    const auto type = it.proposal.type();
    return type == proposal_type::add || type == proposal_type::psk || type == proposal_type::reinit;
  });
}

std::vector<Member> members_of(const RatchetTree& tree) {
  std::vector<Member> out;
  for (LeafIndex i{0}; i.value < tree.leaf_count(); ++i.value) {
    if (const auto& leaf = tree.leaf(i)) out.push_back({i, leaf});
  }
  return out;
}

Result<CommitPlan> plan_commit(const RatchetTree& tree, const GroupContext& context,
                               const std::vector<ResolvedProposal>& proposals, LeafIndex committer, PlanCheck check) {
  SOTTO_TRY_ASSIGN(const auto sorted, sort(proposals, committer));
  CommitPlan plan;
  plan.tree = RatchetTree::over(tree);
  plan.next = context;
  plan.next.epoch = context.epoch + 1;
  auto& effects = plan.effects;
  effects.sender = committer;
  effects.sender_leaf_before = effects.sender_leaf_after = tree.leaf(committer);
  effects.epoch = context.epoch;
  effects.extensions_before = context.extensions;
  if (sorted.extensions != nullptr) {
    SOTTO_TRY(check_extensions(sorted.extensions->extensions));
    plan.next.extensions = sorted.extensions->extensions;
    effects.changes_extensions = true;
  }
  effects.extensions_after = plan.next.extensions;
  SOTTO_TRY(apply_updates(plan, sorted, check));
  for (const auto index : sorted.removes) {
    auto leaf = plan.tree.leaf(index);
    if (!leaf) return invalid("a blank leaf is removed");
    effects.removes.push_back({index, std::move(leaf)});
    plan.tree.remove(index);
  }
  SOTTO_TRY(apply_adds(plan, sorted, check));
  plan.psks = sorted.psks;
  effects.has_psk = !plan.psks.empty();
  effects.has_proposals_by_reference =
      std::any_of(proposals.begin(), proposals.end(), [](const ResolvedProposal& it) { return it.by_reference != 0; });
  return plan;
}

Status check_path_leaf(const CommitPlan& plan, const LeafNode& leaf) {
  if (leaf.source != LeafNodeSource::commit || !leaf.validate().ok()) return invalid("the leaf of a path is not valid");
  if (leaf.encryption_key == plan.effects.sender_leaf_before->encryption_key) {
    return invalid("the leaf of a path keeps its encryption key");
  }
  if (!leaf.verify(plan.next.group_id, plan.effects.sender)) return ErrorCode::BAD_SIGNATURE;
  return {};
}

Status finish_plan(CommitPlan& plan, PlanCheck check) {
  if (check != PlanCheck::already_done) {
    SOTTO_TRY(verify_unique_keys(plan.tree));
    SOTTO_TRY(verify_capabilities(plan.tree, plan.next.extensions));
  }
  plan.next.tree_hash = plan.tree.root_hash();
  plan.effects.sender_leaf_after = plan.tree.leaf(plan.effects.sender);
  plan.effects.members_after = members_of(plan.tree);
  return {};
}

}  // namespace sotto::mls
