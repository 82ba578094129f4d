// From one epoch to the next: what is kept of the old one, and what is written of the new one.
#include "base/try.h"
#include "mls/group_state.h"

namespace sotto::mls {

Status GroupState::erase_past_before(std::size_t keep_from) {
  for (std::size_t i = 0; i < keep_from; ++i) {
    const auto epoch = past[i].epoch;
    SOTTO_TRY(SecretTree::erase_epoch(*storage, epoch));
    SOTTO_TRY(storage->erase_all(Table::past_epoch, epoch));
    SOTTO_TRY(storage->erase_all(Table::past_leaf, epoch));
  }
  past.erase(past.begin(), past.begin() + static_cast<std::ptrdiff_t>(keep_from));
  return {};
}

Status GroupState::keep_current_epoch(const CommitPlan& plan, Timestamp now) {
  PastEpochRecord record;
  record.superseded_at = to_milliseconds(now);
  record.leaf_count = tree->leaf_count();
  record.context = context;
  record.sender_data_secret = secrets.sender_data_secret.clone();
  record.resumption_psk = secrets.resumption_psk.clone();
  SOTTO_TRY(storage->put({Table::past_epoch, context.epoch, 0, 0}, encode_secret(record).view()));
  for (const auto& [index, node] : plan.tree.changes()) {
    if (!is_leaf(index)) continue;
    const auto& old = tree->node(index).leaf;
    if (old == node.leaf) continue;
    const auto bytes = old ? encode(*old) : Bytes();
    SOTTO_TRY(storage->put({Table::past_leaf, context.epoch, to_leaf(index).value, 0}, bytes));
  }
  // The own ratchets only seal; nothing is sent in an epoch that is over.
  SOTTO_TRY(secret_tree().erase_ratchets(own_leaf));
  past.push_back({context.epoch, record.superseded_at});
  std::size_t outdated = 0;
  while (outdated < past.size() && past[outdated].epoch + limits::past_epochs < plan.next.epoch) ++outdated;
  return erase_past_before(outdated);
}

Status GroupState::write_tree_changes(const CommitPlan& plan) {
  for (const auto& [index, node] : plan.tree.changes()) {
    const StorageKey key{Table::node, 0, index, 0};
    if (!node.blank()) {
      SOTTO_TRY(storage->put(key, encode(node)));
    } else if (!tree->node(index).blank()) {
      SOTTO_TRY(storage->erase(key));
    }
  }
  return {};
}

Status GroupState::change_node_keys(const CommitPlan& plan, NodePrivateKeys&& added) {
  // A node that was blanked or took a key that this member was not told: its private key is of no use any more.
  for (auto it = node_keys.begin(); it != node_keys.end();) {
    const auto* before = tree->public_key(it->first);
    const auto* after = plan.tree.public_key(it->first);
    const bool same = before != nullptr && after != nullptr && *before == *after;
    if (!same && !added.contains(it->first)) {
      SOTTO_TRY(storage->erase({Table::node_private, 0, it->first, 0}));
      it = node_keys.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& [node, key] : added) {
    SOTTO_TRY(storage->put({Table::node_private, 0, node, 0}, key.view()));
    node_keys.insert_or_assign(node, std::move(key));
  }
  return {};
}

Status GroupState::advance(CommitPlan&& plan, NextEpoch&& next, Timestamp now) {
  SOTTO_TRY(keep_current_epoch(plan, now));
  SOTTO_TRY(write_tree_changes(plan));
  SOTTO_TRY(change_node_keys(plan, std::move(next.node_keys)));
  SOTTO_TRY(storage->erase_all(Table::pending, context.epoch));
  SOTTO_TRY(storage->erase_all(Table::proposal, context.epoch));
  pending.clear();
  proposals.clear();
  tree->absorb(std::move(plan.tree));
  context = std::move(plan.next);
  interim_transcript_hash = std::move(next.interim_transcript_hash);
  if (next.signature_key) signature_key = std::move(*next.signature_key);
  secrets = std::move(next.secrets);
  SOTTO_TRY(secret_tree().begin(secrets.encryption_secret.view()));
  secrets.encryption_secret.wipe();
  return save_group();
}

}  // namespace sotto::mls
