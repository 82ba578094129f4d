// What a commit does, told before it is applied, so that the caller can judge it by rules of its own.
#pragma once

#include <memory>
#include <vector>

#include "mls/proposal.h"

namespace sotto::mls {

/// A leaf with its place. The node is shared with the tree and never changes.
struct Member {
  LeafIndex index;
  std::shared_ptr<const LeafNode> leaf;
};

struct AddedMember {
  LeafIndex index;
  KeyPackage key_package;
};

struct CommitEffects {
  LeafIndex sender;
  std::shared_ptr<const LeafNode> sender_leaf_before;
  /// The leaf of the update path, with which the sender goes on; the same as before if the commit has no path.
  std::shared_ptr<const LeafNode> sender_leaf_after;
  std::vector<AddedMember> adds;
  /// The leaves as they were.
  std::vector<Member> removes;
  /// The leaves as they will be, by Update proposals (which come by reference only).
  std::vector<Member> updates;
  bool changes_extensions = false;
  Extensions extensions_before;
  Extensions extensions_after;
  std::vector<Member> members_after;
  Bytes authenticated_data;
  /// The epoch in which the commit was sent; the next one is entered by it.
  std::uint64_t epoch = 0;
  bool has_path = false;
  bool has_proposals_by_reference = false;
  bool has_psk = false;
  bool removes_this_member = false;
};

}  // namespace sotto::mls
