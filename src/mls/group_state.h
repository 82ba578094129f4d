// The state behind a Group: what is in memory, and the steps that its calls share. Internal to src/mls.
#pragma once

#include "mls/commit_plan.h"
#include "mls/group.h"
#include "mls/secret_tree.h"
#include "mls/tree_kem.h"

namespace sotto::mls {

struct StoredProposal {
  std::uint64_t number = 0;
  std::size_t size = 0;
  Bytes ref;
  ProposalRecord record;
};

struct PendingEntry {
  std::uint64_t number = 0;
  CommitId id;
};

struct PastEpoch {
  std::uint64_t epoch = 0;
  std::uint64_t superseded_at = 0;
};

/// What the next epoch starts with, beside the plan.
struct NextEpoch {
  EpochSecrets secrets;
  Bytes interim_transcript_hash;
  /// Keys of the own path that the commit brings.
  NodePrivateKeys node_keys;
  std::optional<crypto::SignaturePrivateKey> signature_key;
};

/// A pending commit with all that is derived from its record.
struct PendingView {
  PendingRecord record;
  CommitPlan plan;
  PathSecrets path;
  std::vector<PathStep> steps;
  EpochSecrets secrets;
};

class GroupState {
 public:
  explicit GroupState(GroupStorage& s) : storage(&s) {}

  GroupStorage* storage;
  GroupContext context;
  Bytes interim_transcript_hash;
  EpochSecrets secrets;
  LeafIndex own_leaf;
  bool active = true;
  crypto::SignaturePrivateKey signature_key;
  /// Behind a pointer: overlays point to it.
  std::unique_ptr<RatchetTree> tree = std::make_unique<RatchetTree>();
  NodePrivateKeys node_keys;
  std::vector<StoredProposal> proposals;
  std::vector<PendingEntry> pending;
  std::vector<PastEpoch> past;  // oldest first
  std::vector<ExternalPsk> external_psks;

  [[nodiscard]] SecretTree secret_tree() const { return {*storage, context.epoch, tree->leaf_count()}; }

  Status load();
  /// Writes the group record.
  Status save_group() const;
  /// Writes everything of a group that has just begun.
  Status save_new(ByteView encryption_secret);

  /// Signs and encrypts content of the own leaf in the current epoch, with the next key of its ratchet, used up.
  Result<Bytes> seal_own(const AuthenticatedContent& content, std::size_t padding, Random& random);
  [[nodiscard]] AuthenticatedContent own_content(ByteView authenticated_data) const;

  Status store_proposal(ProposalRecord record);
  [[nodiscard]] const StoredProposal* find_proposal(ByteView ref) const;
  /// An Update or path leaf for this member: the present one with the changes that are asked for.
  [[nodiscard]] Result<LeafNode> changed_leaf(const NewLeaf& changes, LeafNodeSource source) const;
  /// Errors: UNSUPPORTED (a PSK that is not known), storage.
  [[nodiscard]] Result<SecretBytes> resolve_psks(const std::vector<PreSharedKeyId>& ids) const;

  /// The leaf as it was in an epoch; null if there was none. Errors: storage.
  Result<std::shared_ptr<const LeafNode>> leaf_in_epoch(LeafIndex index, std::uint64_t epoch) const;

  /// Goes to the next epoch: keeps what late messages need, writes what changed.
  Status advance(CommitPlan&& plan, NextEpoch&& next, Timestamp now);
  Status erase_past_before(std::size_t keep_from);

  [[nodiscard]] const PendingEntry* find_pending(const CommitId& id) const;
  Result<PendingView> view_pending(const CommitId& id) const;

 private:
  Status load_tree(std::uint32_t leaf_count);
  Status load_lists();
  Status keep_current_epoch(const CommitPlan& plan, Timestamp now);
  Status write_tree_changes(const CommitPlan& plan);
  Status change_node_keys(const CommitPlan& plan, NodePrivateKeys&& added);
};

/// `padding` for a plaintext of this length.
std::size_t padding_for(Padding padding, std::size_t length);

inline std::uint64_t to_milliseconds(Timestamp time) {
  const auto count = time.time_since_epoch().count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

}  // namespace sotto::mls
