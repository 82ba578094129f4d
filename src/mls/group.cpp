#include "mls/group.h"

#include "base/try.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "mls/group_state.h"
#include "mls/labels.h"

namespace sotto::mls {

ReceivedCommit::ReceivedCommit(std::unique_ptr<CommitPlan> plan) : plan_(std::move(plan)) {}
ReceivedCommit::ReceivedCommit(ReceivedCommit&&) noexcept = default;
ReceivedCommit& ReceivedCommit::operator=(ReceivedCommit&&) noexcept = default;
ReceivedCommit::~ReceivedCommit() = default;
const CommitEffects& ReceivedCommit::effects() const { return plan_->effects; }

Group::Group(std::unique_ptr<GroupState> state) : state_(std::move(state)) {}
Group::Group(Group&&) noexcept = default;
Group& Group::operator=(Group&&) noexcept = default;
Group::~Group() = default;

Result<Group> Group::load(GroupStorage& storage) {
  auto state = std::make_unique<GroupState>(storage);
  SOTTO_TRY(state->load());
  return Group(std::move(state));
}

Status Group::erase(GroupStorage& storage) {
  SOTTO_TRY_ASSIGN(const auto stored, storage.get({Table::group, 0, 0, 0}));
  std::uint64_t epoch = 0;
  if (stored) {
    const auto record = decode<GroupRecord>(stored->view());
    if (record.ok()) epoch = record->context.epoch;
  }
  const auto oldest = epoch <= limits::past_epochs ? 0 : epoch - limits::past_epochs - 1;
  for (auto e = oldest; e <= epoch; ++e) {
    SOTTO_TRY(SecretTree::erase_epoch(storage, e));
    for (const auto table : {Table::past_epoch, Table::past_leaf, Table::pending, Table::proposal}) {
      SOTTO_TRY(storage.erase_all(table, e));
    }
  }
  for (const auto table : {Table::node, Table::node_private, Table::group}) SOTTO_TRY(storage.erase_all(table, 0));
  return {};
}

const Bytes& Group::group_id() const { return state_->context.group_id; }
std::uint64_t Group::epoch() const { return state_->context.epoch; }
const Bytes& Group::tree_hash() const { return state_->context.tree_hash; }
const Extensions& Group::extensions() const { return state_->context.extensions; }
const GroupContext& Group::context() const { return state_->context; }
LeafIndex Group::own_leaf_index() const { return state_->own_leaf; }
std::vector<Member> Group::members() const { return members_of(*state_->tree); }
bool Group::active() const { return state_->active; }
ByteView Group::epoch_authenticator() const { return state_->secrets.epoch_authenticator.view(); }
Bytes Group::ratchet_tree() const { return state_->tree->serialize(); }

std::shared_ptr<const LeafNode> Group::leaf(LeafIndex index) const {
  return index.value < state_->tree->leaf_count() ? state_->tree->leaf(index) : nullptr;
}

SecretBytes Group::export_secret(std::string_view label, ByteView context, std::size_t length) const {
  return export_from(state_->secrets.exporter_secret.view(), label, context, length);
}

Result<Bytes> Group::encrypt(ByteView plaintext, ByteView authenticated_data, Padding padding, Random& random) {
  if (!state_->active) return ErrorCode::NOT_A_MEMBER;
  if (plaintext.size() > limits::plaintext_bytes) return ErrorCode::LIMIT_EXCEEDED;
  auto content = state_->own_content(authenticated_data);
  content.content.content = ApplicationData{to_bytes(plaintext)};
  content.sign(state_->signature_key, state_->context);
  Writer length;
  length.vector_header(plaintext.size());
  return state_->seal_own(content, padding_for(padding, length.bytes().size() + plaintext.size()), random);
}

namespace {

Result<Bytes> propose(GroupState& state, Proposal proposal, ByteView authenticated_data, SecretBytes leaf_key,
                      SecretBytes signature_key, Random& random) {
  if (!state.active) return ErrorCode::NOT_A_MEMBER;
  if (state.proposals.size() >= limits::stored_proposals) return ErrorCode::LIMIT_EXCEEDED;
  ProposalRecord record{state.own_content(authenticated_data), std::move(leaf_key), std::move(signature_key)};
  record.content.content.content = std::move(proposal);
  record.content.sign(state.signature_key, state.context);
  const auto length = encode(std::get<Proposal>(record.content.content.content)).size();
  SOTTO_TRY_ASSIGN(auto message, state.seal_own(record.content, padding_for(Padding::padme, length), random));
  SOTTO_TRY(state.store_proposal(std::move(record)));
  return message;
}

}  // namespace

Result<Bytes> Group::propose_add(const KeyPackage& key_package, ByteView authenticated_data, Random& random) {
  SOTTO_TRY(key_package.validate());
  SOTTO_TRY(key_package.leaf_node.supports(extensions()));
  return propose(*state_, {Add{key_package}}, authenticated_data, {}, {}, random);
}

Result<Bytes> Group::propose_remove(LeafIndex removed, ByteView authenticated_data, Random& random) {
  if (!leaf(removed)) return Error(ErrorCode::INVALID_ARGUMENT, "a blank leaf is removed");
  return propose(*state_, {Remove{removed}}, authenticated_data, {}, {}, random);
}

Result<Bytes> Group::propose_update(const NewLeaf& new_leaf, ByteView authenticated_data, Random& random) {
  SOTTO_TRY_ASSIGN(auto leaf, state_->changed_leaf(new_leaf, LeafNodeSource::update));
  const auto key = crypto::generate_kem_key(random);
  leaf.encryption_key = to_bytes(key.public_key.view());
  const auto& signature_key = new_leaf.signature_key ? new_leaf.signature_key->private_key : state_->signature_key;
  leaf.sign(signature_key, group_id(), own_leaf_index());
  return propose(*state_, {Update{std::move(leaf)}}, authenticated_data, SecretBytes(key.private_key.view()),
                 SecretBytes(signature_key.view()), random);
}

Result<Bytes> Group::propose_group_context_extensions(const Extensions& extensions, ByteView authenticated_data,
                                                      Random& random) {
  if (has_duplicates(extensions)) return Error(ErrorCode::INVALID_ARGUMENT, "an extension twice");
  return propose(*state_, {GroupContextExtensions{extensions}}, authenticated_data, {}, {}, random);
}

Status Group::erase_epochs_superseded_before(Timestamp time, std::size_t spared) {
  const auto& past = state_->past;
  std::size_t keep_from = 0;
  // Older epochs go with a younger one, whatever a clock that jumped back noted for them.
  for (std::size_t i = 0; i + spared < past.size(); ++i) {
    if (past[i].superseded_at < to_milliseconds(time)) keep_from = i + 1;
  }
  return state_->erase_past_before(keep_from);
}

std::vector<std::uint64_t> Group::past_epochs() const {
  std::vector<std::uint64_t> out;
  for (const auto& it : state_->past) out.push_back(it.epoch);
  return out;
}

void Group::set_external_psks(std::vector<ExternalPsk> psks) { state_->external_psks = std::move(psks); }

}  // namespace sotto::mls
