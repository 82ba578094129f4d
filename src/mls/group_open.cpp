// Receiving: messages are opened, proposals kept, commits judged; then commits are followed or skipped.
#include <bit>

#include "base/try.h"
#include "mls/group_state.h"
#include "mls/labels.h"
#include "mls/message_protection.h"

namespace sotto::mls {

namespace {

/// What of an epoch is needed to open its messages.
struct EpochView {
  GroupContext context;
  SecretBytes sender_data_secret;
  std::uint32_t leaf_count = 0;
};

Result<EpochView> view_epoch(const GroupState& state, std::uint64_t epoch) {
  if (epoch == state.context.epoch) {
    return EpochView{state.context, state.secrets.sender_data_secret.clone(), state.tree->leaf_count()};
  }
  // Older ones are not kept; a damaged row must not make us look through all epochs since.
  if (epoch > state.context.epoch || state.context.epoch - epoch > limits::past_epochs) return ErrorCode::WRONG_EPOCH;
  SOTTO_TRY_ASSIGN(const auto row, state.storage->get({Table::past_epoch, epoch, 0, 0}));
  if (!row) return ErrorCode::WRONG_EPOCH;
  auto record = decode<PastEpochRecord>(row->view());
  if (!record.ok() || record->leaf_count > limits::tree_leaves || !std::has_single_bit(record->leaf_count)) {
    return ErrorCode::CORRUPT;
  }
  return EpochView{std::move(record->context), std::move(record->sender_data_secret), record->leaf_count};
}

/// Content whose signature verified.
struct Verified {
  AuthenticatedContent content;
  std::shared_ptr<const LeafNode> sender_leaf;
  std::uint32_t generation = 0;
};

Result<Verified> open_verified(GroupState& state, const PrivateMessage& message) {
  if (message.content_type < ContentType::application || message.content_type > ContentType::commit) {
    return ErrorCode::MALFORMED;
  }
  const bool application = message.content_type == ContentType::application;
  if (!application && message.epoch != state.context.epoch) return ErrorCode::WRONG_EPOCH;
  if (!application && !state.active) return ErrorCode::NOT_A_MEMBER;
  SOTTO_TRY_ASSIGN(const auto epoch, view_epoch(state, message.epoch));
  SOTTO_TRY_ASSIGN(const auto sender, open_sender_data(message, epoch.sender_data_secret.view()));
  if (sender.leaf_index.value >= epoch.leaf_count) return ErrorCode::NOT_A_MEMBER;
  if (sender.leaf_index == state.own_leaf) return Error(ErrorCode::KEY_CONSUMED, "an own message");
  Verified out;
  SOTTO_TRY_ASSIGN(out.sender_leaf, state.leaf_in_epoch(sender.leaf_index, message.epoch));
  if (!out.sender_leaf) return ErrorCode::NOT_A_MEMBER;
  SecretTree keys(*state.storage, message.epoch, epoch.leaf_count);
  SOTTO_TRY_ASSIGN(
      const auto key,
      keys.find(sender.leaf_index, application ? RatchetType::application : RatchetType::handshake, sender.generation));
  SOTTO_TRY_ASSIGN(out.content, open_private(message, sender, key.key));
  if (!out.content.verify(out.sender_leaf->signature_key, epoch.context)) return ErrorCode::BAD_SIGNATURE;
  out.generation = sender.generation;
  SOTTO_TRY(keys.use(key));
  return out;
}

Result<Verified> open_verified(GroupState& state, const PublicMessage& message) {
  if (message.content.content_type() == ContentType::application) return ErrorCode::MALFORMED;
  if (message.content.epoch != state.context.epoch) return ErrorCode::WRONG_EPOCH;
  if (!state.active) return ErrorCode::NOT_A_MEMBER;
  Verified out;
  SOTTO_TRY_ASSIGN(out.content, open_public(message, state.secrets.membership_key.view(), state.context));
  const LeafIndex sender{message.content.sender.index};
  if (sender.value >= state.tree->leaf_count() || !state.tree->leaf(sender)) return ErrorCode::NOT_A_MEMBER;
  if (sender == state.own_leaf) return Error(ErrorCode::KEY_CONSUMED, "an own message");
  out.sender_leaf = state.tree->leaf(sender);
  if (!out.content.verify(out.sender_leaf->signature_key, state.context)) return ErrorCode::BAD_SIGNATURE;
  return out;
}

Result<std::vector<ResolvedProposal>> resolve(const GroupState& state, const Commit& commit, LeafIndex committer) {
  std::vector<ResolvedProposal> out;
  for (const auto& it : commit.proposals) {
    if (const auto* proposal = std::get_if<Proposal>(&it.content)) {
      out.push_back({*proposal, committer, 0});
      continue;
    }
    const auto* stored = state.find_proposal(std::get<Bytes>(it.content));
    if (stored == nullptr) return Error(ErrorCode::INVALID_COMMIT, "a proposal that was not received");
    const auto& content = stored->record.content.content;
    out.push_back({std::get<Proposal>(content.content), {content.sender.index}, 1});
  }
  return out;
}

Result<std::unique_ptr<CommitPlan>> judge(GroupState& state, AuthenticatedContent&& content) {
  const LeafIndex committer{content.content.sender.index};
  auto& commit = std::get<Commit>(content.content.content);
  SOTTO_TRY_ASSIGN(const auto proposals, resolve(state, commit, committer));
  auto planned = plan_commit(*state.tree, state.context, proposals, committer, PlanCheck::received);
  if (planned.code() == ErrorCode::LIMIT_EXCEEDED) return Error(ErrorCode::INVALID_COMMIT, "the tree is full");
  if (!planned.ok()) return std::move(planned).error();
  auto plan = std::make_unique<CommitPlan>(std::move(planned).value());
  if (!commit.path && !may_omit_path(proposals)) return Error(ErrorCode::INVALID_COMMIT, "the commit lacks a path");
  if (commit.path) {
    SOTTO_TRY(check_path_leaf(*plan, commit.path->leaf_node));
    SOTTO_TRY(apply_path(plan->tree, committer, *commit.path, plan->added));
  }
  SOTTO_TRY(finish_plan(*plan, PlanCheck::received));
  if (auto psks = state.resolve_psks(plan->psks); !psks.ok()) return std::move(psks).error();
  plan->owner = &state;
  plan->confirmed_transcript_hash = confirmed_transcript_hash(state.interim_transcript_hash, content);
  plan->confirmation_tag = std::move(content.auth.confirmation_tag);
  auto& effects = plan->effects;
  effects.authenticated_data = std::move(content.content.authenticated_data);
  effects.has_path = commit.path.has_value();
  for (const auto& removed : effects.removes) effects.removes_this_member |= removed.index == state.own_leaf;
  for (const auto& it : commit.proposals) {
    const auto* ref = std::get_if<Bytes>(&it.content);
    if (ref == nullptr) continue;
    const auto* stored = state.find_proposal(*ref);
    if (!stored->record.leaf_key.empty()) plan->own_update_ref = *ref;
  }
  plan->path = std::move(commit.path);
  return plan;
}

/// Step two: the secrets of the next epoch as this member sees them. Everything that fails here is CANNOT_FOLLOW.
Result<NextEpoch> follow(const GroupState& state, CommitPlan& plan) {
  NextEpoch next;
  if (!plan.own_update_ref.empty()) {
    const auto& record = state.find_proposal(plan.own_update_ref)->record;
    crypto::KemPrivateKey leaf_key;
    next.signature_key.emplace();
    if (!assign_exact(leaf_key, record.leaf_key.view()) ||
        !assign_exact(*next.signature_key, record.signature_key.view())) {
      return ErrorCode::CORRUPT;
    }
    next.node_keys.insert_or_assign(to_node(state.own_leaf), std::move(leaf_key));
  }
  SecretBytes commit_secret(hash_size);
  if (plan.path) {
    NodePrivateKeys usable;
    for (const auto& [node, key] : state.node_keys) usable.emplace(node, key.clone());
    for (const auto& [node, key] : next.node_keys) usable.insert_or_assign(node, key.clone());
    SOTTO_TRY_ASSIGN(auto path, open_path(plan.tree, plan.effects.sender, *plan.path, state.own_leaf, usable,
                                          plan.added, encode(plan.next)));
    for (auto& step : path.steps) next.node_keys.insert_or_assign(step.node, std::move(step.key.private_key));
    commit_secret = std::move(path.commit_secret);
  }
  SOTTO_TRY_ASSIGN(const auto psks, state.resolve_psks(plan.psks));
  plan.next.confirmed_transcript_hash = plan.confirmed_transcript_hash;
  const auto joiner = derive_joiner_secret(state.secrets.init_secret.view(), commit_secret.view(), plan.next);
  next.secrets = derive_epoch_secrets(joiner.view(), psks.view(), plan.next);
  if (!mac_equal(mac(next.secrets.confirmation_key.view(), plan.confirmed_transcript_hash), plan.confirmation_tag)) {
    return Error(ErrorCode::CANNOT_FOLLOW, "the confirmation tag does not verify");
  }
  next.interim_transcript_hash = interim_transcript_hash(plan.confirmed_transcript_hash, plan.confirmation_tag);
  return next;
}

}  // namespace

Result<Opened> Group::open(ByteView message) {
  SOTTO_TRY_ASSIGN(const auto header, peek(message));
  if (header.group_id != group_id()) return Error(ErrorCode::INVALID_ARGUMENT, "a message of another group");
  SOTTO_TRY_ASSIGN(const auto parsed, decode<MlsMessage>(message));
  const auto* sealed = std::get_if<PrivateMessage>(&parsed.content);
  SOTTO_TRY_ASSIGN(auto verified, sealed != nullptr ? open_verified(*state_, *sealed)
                                                    : open_verified(*state_, std::get<PublicMessage>(parsed.content)));
  auto& content = verified.content.content;
  const LeafIndex sender{content.sender.index};
  if (auto* data = std::get_if<ApplicationData>(&content.content)) {
    return Opened(ApplicationMessage{sender, std::move(verified.sender_leaf), content.epoch, verified.generation,
                                     std::move(content.authenticated_data), std::move(data->data)});
  }
  if (const auto* proposal = std::get_if<Proposal>(&content.content)) {
    ProposalReceived out{sender, verified.content.proposal_ref(), *proposal, content.authenticated_data};
    if (state_->find_proposal(out.ref) == nullptr) {
      SOTTO_TRY(state_->store_proposal({std::move(verified.content), {}, {}}));
    }
    return Opened(std::move(out));
  }
  SOTTO_TRY_ASSIGN(auto plan, judge(*state_, std::move(verified.content)));
  return Opened(ReceivedCommit(std::move(plan)));
}

Result<ApplyOutcome> Group::apply(ReceivedCommit&& commit, Timestamp now) {
  const auto plan = std::move(commit.plan_);
  if (!plan || plan->owner != state_.get() || plan->effects.epoch != epoch()) {
    return Error(ErrorCode::INVALID_ARGUMENT, "the commit is of another group or epoch");
  }
  if (plan->effects.removes_this_member) {
    SOTTO_TRY(state_->storage->erase_all(Table::pending, epoch()));
    state_->pending.clear();
    state_->active = false;
    SOTTO_TRY(state_->save_group());
    return ApplyOutcome::removed;
  }
  SOTTO_TRY_ASSIGN(auto next, follow(*state_, *plan));
  SOTTO_TRY(state_->advance(std::move(*plan), std::move(next), now));
  return ApplyOutcome::advanced;
}

Status Group::reject(ReceivedCommit&& commit) {
  commit.plan_.reset();
  return {};
}

}  // namespace sotto::mls
