// What a commit changes, worked out beside the state that it would replace: proposals judged (RFC 9420 section 12.2)
// and applied (12.3) on an overlay of the tree.
#pragma once

#include "mls/commit_effects.h"
#include "mls/group_records.h"
#include "mls/ratchet_tree.h"

namespace sotto::mls {

struct CommitPlan {
  /// The state it was made over; only a mark to compare with.
  const void* owner = nullptr;
  CommitEffects effects;
  /// The tree after the proposals and, once it is there, the path.
  RatchetTree tree;
  /// The context of the next epoch. Until the commit is hashed its confirmed_transcript_hash is the old one: that is
  /// the provisional context under which path secrets are encrypted.
  GroupContext next;
  std::vector<LeafIndex> added;
  std::vector<PreSharedKeyId> psks;

  // Of a received commit:
  std::optional<UpdatePath> path;
  Bytes confirmed_transcript_hash;
  Bytes confirmation_tag;
  /// ProposalRef of an Update of the own leaf among the proposals.
  Bytes own_update_ref;
};

/// Whose commit it is, which decides what is verified and which error a bad key package gives.
enum class PlanCheck : std::uint8_t {
  /// About to be made: a key package's own error tells the caller what to do about it.
  own,
  /// Received: whatever is wrong with a key package makes the commit invalid for all.
  received,
  /// Was judged when it was staged.
  already_done,
};

/// Judges and applies the proposals. Errors: INVALID_COMMIT, BAD_SIGNATURE, UNSUPPORTED (ReInit), LIMIT_EXCEEDED (the
/// tree), and for own commits what KeyPackage::validate gives.
Result<CommitPlan> plan_commit(const RatchetTree& tree, const GroupContext& context,
                               const std::vector<ResolvedProposal>& proposals, LeafIndex committer, PlanCheck check);

/// Judges the leaf of the committer's path. Errors: INVALID_COMMIT, BAD_SIGNATURE.
Status check_path_leaf(const CommitPlan& plan, const LeafNode& leaf);

/// The last step, once the path is in the tree: its hash, the whole tree's rules, members after. Errors:
/// INVALID_COMMIT.
Status finish_plan(CommitPlan& plan, PlanCheck check);

/// Whether a commit of these proposals may come without a path (section 12.4).
bool may_omit_path(const std::vector<ResolvedProposal>& proposals);

std::vector<Member> members_of(const RatchetTree& tree);

}  // namespace sotto::mls
