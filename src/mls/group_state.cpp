#include "mls/group_state.h"

#include <algorithm>

#include "base/try.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "mls/labels.h"
#include "mls/message_protection.h"
#include "mls/padme.h"

namespace sotto::mls {

namespace {
constexpr StorageKey group_key{Table::group, 0, 0, 0};
}

std::size_t padding_for(Padding padding, std::size_t length) {
  return padding == Padding::padme ? padme(length) - length : 0;
}

Status GroupState::save_group() const {
  GroupRecord record;
  record.context = context;
  record.interim_transcript_hash = interim_transcript_hash;
  record.own_leaf = own_leaf;
  record.active = active ? 1 : 0;
  record.leaf_count = tree->leaf_count();
  record.signature_key = SecretBytes(signature_key.view());
  record.secrets.sender_data_secret = secrets.sender_data_secret.clone();
  record.secrets.exporter_secret = secrets.exporter_secret.clone();
  record.secrets.external_secret = secrets.external_secret.clone();
  record.secrets.confirmation_key = secrets.confirmation_key.clone();
  record.secrets.membership_key = secrets.membership_key.clone();
  record.secrets.resumption_psk = secrets.resumption_psk.clone();
  record.secrets.epoch_authenticator = secrets.epoch_authenticator.clone();
  record.secrets.init_secret = secrets.init_secret.clone();
  return storage->put(group_key, encode_secret(record).view());
}

Status GroupState::save_new(ByteView encryption_secret) {
  SOTTO_TRY_ASSIGN(const auto existing, storage->get(group_key));
  if (existing) return ErrorCode::ALREADY_EXISTS;
  for (NodeIndex i = 0; i < node_width(tree->leaf_count()); ++i) {
    if (!tree->node(i).blank()) SOTTO_TRY(storage->put({Table::node, 0, i, 0}, encode(tree->node(i))));
  }
  for (const auto& [node, key] : node_keys) SOTTO_TRY(storage->put({Table::node_private, 0, node, 0}, key.view()));
  SOTTO_TRY(secret_tree().begin(encryption_secret));
  return save_group();
}

Status GroupState::load() {
  SOTTO_TRY_ASSIGN(const auto stored, storage->get(group_key));
  if (!stored) return ErrorCode::NOT_FOUND;
  Reader version(stored->view());
  if (version.integer(sizeof storage_format) > storage_format) return ErrorCode::NEWER_SCHEMA;
  auto decoded = decode<GroupRecord>(stored->view());
  if (!decoded.ok()) return ErrorCode::CORRUPT;
  auto& record = decoded.value();
  if (!assign_exact(signature_key, record.signature_key.view())) return ErrorCode::CORRUPT;
  context = std::move(record.context);
  interim_transcript_hash = std::move(record.interim_transcript_hash);
  own_leaf = record.own_leaf;
  active = record.active != 0;
  secrets = std::move(record.secrets);
  SOTTO_TRY(load_tree(record.leaf_count));
  return load_lists();
}

Status GroupState::load_tree(std::uint32_t leaf_count) {
  if (leaf_count == 0 || leaf_count > limits::tree_leaves || !std::has_single_bit(leaf_count))
    return ErrorCode::CORRUPT;
  tree->resize(leaf_count);
  SOTTO_TRY_ASSIGN(const auto nodes, storage->scan(Table::node, 0));
  for (const auto& row : nodes) {
    auto node = decode<TreeNode>(row.value.view());
    if (!node.ok() || row.index >= node_width(leaf_count)) return ErrorCode::CORRUPT;
    const bool even = row.index % 2 == 0;  // Leaves have the even places (RFC 9420 appendix C).
    if (even ? !node->leaf : !node->parent) return ErrorCode::CORRUPT;
    tree->set(static_cast<NodeIndex>(row.index), std::move(node).value());
  }
  SOTTO_TRY_ASSIGN(const auto keys, storage->scan(Table::node_private, 0));
  for (const auto& row : keys) {
    crypto::KemPrivateKey key;
    if (!assign_exact(key, row.value.view())) return ErrorCode::CORRUPT;
    node_keys.insert_or_assign(static_cast<NodeIndex>(row.index), std::move(key));
  }
  if (own_leaf.value >= leaf_count || !tree->leaf(own_leaf)) return ErrorCode::CORRUPT;
  return {};
}

Status GroupState::load_lists() {
  SOTTO_TRY_ASSIGN(const auto proposal_rows, storage->scan(Table::proposal, context.epoch));
  for (const auto& row : proposal_rows) {
    auto record = decode<ProposalRecord>(row.value.view());
    if (!record.ok() || record->content.content.content_type() != ContentType::proposal) return ErrorCode::CORRUPT;
    auto ref = record->content.proposal_ref();
    proposals.push_back({row.index, row.value.size(), std::move(ref), std::move(record).value()});
  }
  SOTTO_TRY_ASSIGN(const auto pending_rows, storage->scan(Table::pending, context.epoch));
  for (const auto& row : pending_rows) {
    Reader reader(row.value.view());
    PendingEntry entry{row.index, {}};
    if (!assign_exact(entry.id, reader.opaque())) return ErrorCode::CORRUPT;
    pending.push_back(entry);
  }
  const auto oldest = context.epoch < limits::past_epochs ? 0 : context.epoch - limits::past_epochs;
  for (auto epoch = oldest; epoch < context.epoch; ++epoch) {
    SOTTO_TRY_ASSIGN(const auto row, storage->get({Table::past_epoch, epoch, 0, 0}));
    if (!row) continue;
    Reader reader(row->view());
    past.push_back({epoch, reader.integer(sizeof(std::uint64_t))});
  }
  return {};
}

AuthenticatedContent GroupState::own_content(ByteView authenticated_data) const {
  AuthenticatedContent out;
  out.wire_format = WireFormat::private_message;
  out.content.group_id = context.group_id;
  out.content.epoch = context.epoch;
  out.content.sender = {SenderType::member, own_leaf.value};
  out.content.authenticated_data = to_bytes(authenticated_data);
  return out;
}

Result<Bytes> GroupState::seal_own(const AuthenticatedContent& content, std::size_t padding, Random& random) {
  const auto type =
      content.content.content_type() == ContentType::application ? RatchetType::application : RatchetType::handshake;
  auto keys = secret_tree();
  SOTTO_TRY_ASSIGN(const auto key, keys.next(own_leaf, type));
  SOTTO_TRY(keys.use(key));
  return encode(MlsMessage{seal_private(content, key.key, secrets.sender_data_secret.view(), padding, random)});
}

Status GroupState::store_proposal(ProposalRecord record) {
  const auto bytes = encode_secret(record);
  auto total = bytes.size();
  for (const auto& it : proposals) total += it.size;
  if (proposals.size() >= limits::stored_proposals || total > limits::stored_proposal_bytes) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "too many proposals");
  }
  const auto number = proposals.empty() ? 0 : proposals.back().number + 1;
  SOTTO_TRY(storage->put({Table::proposal, context.epoch, number, 0}, bytes.view()));
  auto ref = record.content.proposal_ref();
  proposals.push_back({number, bytes.size(), std::move(ref), std::move(record)});
  return {};
}

const StoredProposal* GroupState::find_proposal(ByteView ref) const {
  const auto it = std::find_if(proposals.begin(), proposals.end(),
                               [&](const StoredProposal& proposal) { return equal(proposal.ref, ref); });
  return it == proposals.end() ? nullptr : &*it;
}

Result<LeafNode> GroupState::changed_leaf(const NewLeaf& changes, LeafNodeSource source) const {
  LeafNode leaf = *tree->leaf(own_leaf);
  leaf.source = source;
  leaf.parent_hash.clear();
  if (changes.signature_key) {
    if (crypto::public_key_of(changes.signature_key->private_key) != changes.signature_key->public_key) {
      return Error(ErrorCode::INVALID_ARGUMENT, "the halves of the new signature key do not belong together");
    }
    leaf.signature_key = to_bytes(changes.signature_key->public_key.view());
  }
  if (changes.credential) leaf.credential = *changes.credential;
  if (changes.capabilities) leaf.capabilities = *changes.capabilities;
  if (changes.extensions) leaf.extensions = *changes.extensions;
  SOTTO_TRY(leaf.validate());
  return leaf;
}

Result<SecretBytes> GroupState::resolve_psks(const std::vector<PreSharedKeyId>& ids) const {
  std::vector<PskInput> inputs;
  for (const auto& id : ids) {
    SecretBytes secret;
    if (id.type == PskType::external) {
      const auto it = std::find_if(external_psks.begin(), external_psks.end(),
                                   [&](const ExternalPsk& psk) { return psk.id == id.psk_id; });
      if (it != external_psks.end()) secret = it->secret.clone();
    } else if (id.psk_group_id == context.group_id && id.psk_epoch == context.epoch) {
      secret = secrets.resumption_psk.clone();
    } else if (id.psk_group_id == context.group_id && id.psk_epoch < context.epoch) {
      SOTTO_TRY_ASSIGN(const auto row, storage->get({Table::past_epoch, id.psk_epoch, 0, 0}));
      if (row) {
        auto record = decode<PastEpochRecord>(row->view());
        if (!record.ok()) return ErrorCode::CORRUPT;
        secret = std::move(record->resumption_psk);
      }
    }
    if (secret.empty()) return Error(ErrorCode::UNSUPPORTED, "a PSK that is not known");
    inputs.push_back({id, std::move(secret)});
  }
  return psk_secret(inputs);
}

Result<std::shared_ptr<const LeafNode>> GroupState::leaf_in_epoch(LeafIndex index, std::uint64_t epoch) const {
  for (auto e = epoch; e < context.epoch; ++e) {
    SOTTO_TRY_ASSIGN(const auto row, storage->get({Table::past_leaf, e, index.value, 0}));
    if (!row) continue;
    if (row->empty()) return std::shared_ptr<const LeafNode>();
    auto leaf = decode<LeafNode>(row->view());
    if (!leaf.ok()) return ErrorCode::CORRUPT;
    return std::shared_ptr<const LeafNode>(std::make_shared<LeafNode>(std::move(leaf).value()));
  }
  return std::shared_ptr<const LeafNode>(tree->leaf(index));
}

const PendingEntry* GroupState::find_pending(const CommitId& id) const {
  const auto it =
      std::find_if(pending.begin(), pending.end(), [&](const PendingEntry& entry) { return entry.id == id; });
  return it == pending.end() ? nullptr : &*it;
}

Result<PendingView> GroupState::view_pending(const CommitId& id) const {
  const auto* entry = find_pending(id);
  if (entry == nullptr) return Error(ErrorCode::NOT_FOUND, "no such pending commit");
  SOTTO_TRY_ASSIGN(const auto row, storage->get({Table::pending, context.epoch, entry->number, 0}));
  if (!row) return ErrorCode::CORRUPT;
  auto record = decode<PendingRecord>(row->view());
  if (!record.ok()) return ErrorCode::CORRUPT;
  auto plan = plan_commit(*tree, context, record->proposals, own_leaf, PlanCheck::already_done);
  if (!plan.ok()) return ErrorCode::CORRUPT;
  PendingView out{std::move(record).value(), std::move(plan).value(), {}, {}, {}};
  out.steps = out.plan.tree.filtered_direct_path(own_leaf);
  out.path = derive_path(out.record.path_secret.clone(), out.steps);
  std::vector<Bytes> keys;
  for (const auto& step : out.path.steps) keys.push_back(to_bytes(step.key.public_key.view()));
  set_path_keys(out.plan.tree, own_leaf, out.steps, keys);
  out.plan.tree.set(to_node(own_leaf), TreeNode{std::make_shared<LeafNode>(out.record.leaf), nullptr});
  SOTTO_TRY(finish_plan(out.plan, PlanCheck::already_done));
  out.plan.owner = this;
  out.plan.next.confirmed_transcript_hash = out.record.confirmed_transcript_hash;
  out.plan.effects.authenticated_data = out.record.authenticated_data;
  out.plan.effects.has_path = true;
  out.secrets = derive_epoch_secrets(out.record.joiner_secret.view(), out.record.psk_secret.view(), out.plan.next);
  return out;
}

}  // namespace sotto::mls
