// Which commits are valid in a chat. Pure: the group's state before it and the bytes of the commit decide, so every
// member comes to the same verdict. Who may be added, what is pinned, what a setting says is never asked here.
//
// The table, with the reason that a commit which breaks a rule is refused for:
//
//   form        has an update path; no proposal by reference, no PSK, no update proposal
//   leaf        each added leaf is certified by its user's identity key; the sender's stays the same device and user
//   places      at most 100 users and 10 leaves a user; (user, device) unique; one identity key a user
//   members     others' devices are added and removed by admins of a group only; own ones by their user
//   state       name, admins and rules change by an admin of a group only; type and creation time never; every admin
//               is a member; a group has an admin
//   roster      the CommitAad's digest, admins and membership_changed are those of the tree after the commit; every
//               added leaf is named in `adds`, a replaced one in `removes`, too
#pragma once

#include "client/group_view.h"

namespace sotto::client {

/// What a valid commit means for the chat.
struct Verdict {
  UserId sender;
  DeviceId sender_device;
  ChatStateView before;
  ChatStateView after;
  wire::Roster roster_after;
  std::set<UserId> users_added;
  std::set<UserId> users_removed;
};

/// Judges a commit whose MLS validity was checked. Errors: INVALID_COMMIT with the rule that it breaks.
Result<Verdict> judge(const mls::CommitEffects& effects, const wire::CheckedCommitAad& aad);

/// What the commit that founds a chat means for its maker. Errors: INVALID_COMMIT.
Result<Verdict> founding_verdict(const mls::CommitEffects& effects);

/// What must hold for a whole group, as a joiner sees it. Errors: INVALID_COMMIT.
Status judge_group(const ChatStateView& state, const std::vector<GroupDevice>& devices);

}  // namespace sotto::client
