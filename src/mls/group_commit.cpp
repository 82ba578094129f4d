// Own commits: staged, judged like those of others, and merged or dropped when the log has decided.
#include "base/try.h"
#include "crypto/aead.h"
#include "crypto/hpke.h"
#include "mls/group_state.h"
#include "mls/labels.h"
#include "mls/message_protection.h"

namespace sotto::mls {

namespace {

/// The commit struct and, resolved, what it means.
struct Proposed {
  Commit commit;
  std::vector<ResolvedProposal> resolved;
};

Result<Proposed> collect(const GroupState& state, const CommitSpec& spec) {
  Proposed out;
  const auto by_value = [&](Proposal proposal) {
    out.resolved.push_back({proposal, state.own_leaf, 0});
    out.commit.proposals.push_back({std::move(proposal)});
  };
  if (spec.group_context_extensions) by_value({GroupContextExtensions{*spec.group_context_extensions}});
  for (const auto& ref : spec.proposal_refs) {
    const auto* stored = state.find_proposal(ref);
    if (stored == nullptr) return Error(ErrorCode::NOT_FOUND, "no such proposal");
    const auto& content = stored->record.content.content;
    out.resolved.push_back({std::get<Proposal>(content.content), {content.sender.index}, 1});
    out.commit.proposals.push_back({ref});
  }
  for (const auto removed : spec.removes) by_value({Remove{removed}});
  for (const auto& added : spec.adds) by_value({Add{added}});
  return out;
}

/// What is wrong with an own commit is the caller's mistake.
Error as_argument_error(Error error) {
  if (error.code == ErrorCode::INVALID_COMMIT) error.code = ErrorCode::INVALID_ARGUMENT;
  return error;
}

/// The new path in the tree, with its private keys.
struct NewPath {
  std::vector<PathStep> steps;
  PathSecrets secrets;
  crypto::KemKeyPair leaf_key;
  SecretBytes first_path_secret;
  LeafNode leaf;
};

Result<NewPath> make_path(const GroupState& state, CommitPlan& plan, const CommitSpec& spec, Random& random) {
  NewPath out;
  SOTTO_TRY_ASSIGN(out.leaf, state.changed_leaf(spec.new_leaf, LeafNodeSource::commit));
  out.leaf_key = crypto::generate_kem_key(random);
  out.leaf.encryption_key = to_bytes(out.leaf_key.public_key.view());
  out.first_path_secret = SecretBytes(hash_size);
  random.fill(out.first_path_secret.mutable_view());
  out.steps = plan.tree.filtered_direct_path(state.own_leaf);
  out.secrets = derive_path(out.first_path_secret.clone(), out.steps);
  std::vector<Bytes> keys;
  for (const auto& step : out.secrets.steps) keys.push_back(to_bytes(step.key.public_key.view()));
  out.leaf.parent_hash = set_path_keys(plan.tree, state.own_leaf, out.steps, keys);
  const auto& signer = spec.new_leaf.signature_key ? spec.new_leaf.signature_key->private_key : state.signature_key;
  out.leaf.sign(signer, state.context.group_id, state.own_leaf);
  plan.tree.set(to_node(state.own_leaf), TreeNode{std::make_shared<LeafNode>(out.leaf), nullptr});
  return out;
}

}  // namespace

Result<StagedCommit> Group::stage_commit(const CommitSpec& spec, Random& random) {
  auto& state = *state_;
  if (!state.active) return ErrorCode::NOT_A_MEMBER;
  if (state.pending.size() >= limits::pending_commits) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "too many pending commits");
  }
  SOTTO_TRY_ASSIGN(auto proposed, collect(state, spec));
  auto planned = plan_commit(*state.tree, state.context, proposed.resolved, state.own_leaf, PlanCheck::own);
  if (!planned.ok()) return as_argument_error(std::move(planned).error());
  auto& plan = planned.value();
  SOTTO_TRY_ASSIGN(auto path, make_path(state, plan, spec, random));
  if (auto valid = finish_plan(plan, PlanCheck::own); !valid.ok()) return as_argument_error(std::move(valid).error());
  SOTTO_TRY_ASSIGN(auto nodes,
                   encrypt_path(plan.tree, path.steps, path.secrets, plan.added, encode(plan.next), random));
  SOTTO_TRY_ASSIGN(auto psks, state.resolve_psks(plan.psks));

  PendingRecord record;
  auto content = state.own_content(spec.authenticated_data);
  proposed.commit.path = UpdatePath{path.leaf, std::move(nodes)};
  const auto length = encode(proposed.commit).size();
  content.content.content = std::move(proposed.commit);
  content.sign(state.signature_key, state.context);
  plan.next.confirmed_transcript_hash = confirmed_transcript_hash(state.interim_transcript_hash, content);
  record.joiner_secret =
      derive_joiner_secret(state.secrets.init_secret.view(), path.secrets.commit_secret.view(), plan.next);
  const auto secrets = derive_epoch_secrets(record.joiner_secret.view(), psks.view(), plan.next);
  content.auth.confirmation_tag = mac(secrets.confirmation_key.view(), plan.next.confirmed_transcript_hash);
  SOTTO_TRY_ASSIGN(auto message, state.seal_own(content, padding_for(spec.padding, length), random));

  StagedCommit out{crypto::sha256(message), std::move(message)};
  record.id = to_bytes(out.id.view());
  record.authenticated_data = spec.authenticated_data;
  record.proposals = std::move(proposed.resolved);
  record.leaf = std::move(path.leaf);
  record.leaf_key = SecretBytes(path.leaf_key.private_key.view());
  record.path_secret = std::move(path.first_path_secret);
  record.psk_secret = std::move(psks);
  record.psks = plan.psks;
  if (spec.new_leaf.signature_key) record.signature_key = SecretBytes(spec.new_leaf.signature_key->private_key.view());
  record.confirmed_transcript_hash = plan.next.confirmed_transcript_hash;
  record.confirmation_tag = content.auth.confirmation_tag;
  const auto number = state.pending.empty() ? 0 : state.pending.back().number + 1;
  SOTTO_TRY(state.storage->put({Table::pending, epoch(), number, 0}, encode_secret(record).view()));
  state.pending.push_back({number, out.id});
  return out;
}

Status Group::merge_pending(const CommitId& id, Timestamp now) {
  SOTTO_TRY_ASSIGN(auto view, state_->view_pending(id));
  NextEpoch next;
  next.secrets = std::move(view.secrets);
  next.interim_transcript_hash =
      interim_transcript_hash(view.record.confirmed_transcript_hash, view.record.confirmation_tag);
  crypto::KemPrivateKey leaf_key;
  if (!assign_exact(leaf_key, view.record.leaf_key.view())) return ErrorCode::CORRUPT;
  next.node_keys.insert_or_assign(to_node(state_->own_leaf), std::move(leaf_key));
  for (auto& step : view.path.steps) next.node_keys.insert_or_assign(step.node, std::move(step.key.private_key));
  if (!view.record.signature_key.empty()) {
    next.signature_key.emplace();
    if (!assign_exact(*next.signature_key, view.record.signature_key.view())) return ErrorCode::CORRUPT;
  }
  return state_->advance(std::move(view.plan), std::move(next), now);
}

Status Group::drop_pending(const CommitId& id) {
  const auto* entry = state_->find_pending(id);
  if (entry == nullptr) return Error(ErrorCode::NOT_FOUND, "no such pending commit");
  SOTTO_TRY(state_->storage->erase({Table::pending, epoch(), entry->number, 0}));
  std::erase_if(state_->pending, [&](const PendingEntry& it) { return it.id == id; });
  return {};
}

std::vector<CommitId> Group::list_pending() const {
  std::vector<CommitId> out;
  for (const auto& entry : state_->pending) out.push_back(entry.id);
  return out;
}

Result<PendingCommit> Group::pending(const CommitId& id) {
  SOTTO_TRY_ASSIGN(auto view, state_->view_pending(id));
  return PendingCommit{id, std::move(view.plan.effects), std::move(view.secrets.epoch_authenticator)};
}

Result<Welcome> Group::make_welcome(const CommitId& id, const Extensions& extensions, TreeInWelcome tree,
                                    Random& random) {
  SOTTO_TRY_ASSIGN(auto view, state_->view_pending(id));
  GroupInfo info;
  info.group_context = view.plan.next;
  info.extensions = extensions;
  if (tree == TreeInWelcome::included) {
    info.extensions.push_back({extension_type::ratchet_tree, view.plan.tree.serialize()});
  }
  if (has_duplicates(info.extensions)) return Error(ErrorCode::INVALID_ARGUMENT, "an extension twice");
  info.confirmation_tag = view.record.confirmation_tag;
  info.signer = state_->own_leaf;
  auto signer = state_->signature_key.clone();
  if (!view.record.signature_key.empty()) assign_exact(signer, view.record.signature_key.view());
  info.sign(signer);

  Welcome out;
  const auto welcome_secret = derive_welcome_secret(view.record.joiner_secret.view(), view.record.psk_secret.view());
  const auto key = derive_key_and_nonce(welcome_secret.view(), {});
  out.encrypted_group_info = crypto::aead_seal(key.key, key.nonce, {}, encode(info));
  for (const auto& added : view.plan.effects.adds) {
    GroupSecrets secrets;
    secrets.joiner_secret = view.record.joiner_secret.clone();
    for (std::size_t i = 0; i < view.steps.size(); ++i) {
      if (is_above(view.steps[i].copath_child, added.index)) {
        secrets.path_secret = PathSecret{view.path.steps[i].path_secret.clone()};
      }
    }
    secrets.psks = view.record.psks;
    SOTTO_TRY_ASSIGN(auto sealed, encrypt_with_label(added.key_package.init_key, "Welcome", out.encrypted_group_info,
                                                     encode_secret(secrets).view(), random));
    out.secrets.push_back({added.key_package.ref(), std::move(sealed)});
  }
  return out;
}

Result<Bytes> Group::ratchet_tree_of_pending(const CommitId& id) {
  SOTTO_TRY_ASSIGN(const auto view, state_->view_pending(id));
  return view.plan.tree.serialize();
}

}  // namespace sotto::mls
