// A chat's roster as a value: the same code computes its digest at the relay and in every client.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/ids.h"
#include "crypto/keys.h"
#include "sotto/result.h"
#include "wire/message.h"

namespace sotto::wire {

struct RosterMember {
  UserId user;
  std::uint32_t era = 0;
  friend bool operator==(const RosterMember&, const RosterMember&) = default;
};

/// One device of a CommitAad's adds or removes.
struct RosterChange {
  UserId user;
  DeviceId device;
  std::uint32_t era = 0;
  friend bool operator==(const RosterChange&, const RosterChange&) = default;
  friend auto operator<=>(const RosterChange&, const RosterChange&) = default;
};

/// A CommitAad whose sizes were checked.
struct CheckedCommitAad {
  ClientMessageId client_message_id;
  crypto::Sha256Digest roster_digest;
  bool membership_changed = false;
  std::vector<RosterChange> adds;
  std::vector<RosterChange> removes;
  std::set<UserId> admins;
  std::vector<std::uint64_t> skipped;
  std::vector<Bytes> evidence;
};
/// Errors: MALFORMED, LIMIT_EXCEEDED.
Result<CheckedCommitAad> check_commit_aad(ByteView authenticated_data);
Bytes encode(const CheckedCommitAad& aad);

struct CheckedMessageAad {
  ClientMessageId client_message_id;
  std::uint64_t n = 0;
};
/// Errors: MALFORMED (n = 0, an id of another size).
Result<CheckedMessageAad> check_message_aad(ByteView authenticated_data);
Bytes encode(const CheckedMessageAad& aad);

/// Devices by id, and the users who are admins.
struct Roster {
  std::map<DeviceId, RosterMember> devices;
  std::set<UserId> admins;

  [[nodiscard]] bool has_user(const UserId& user) const;
  [[nodiscard]] bool is_admin(const UserId& user) const { return admins.contains(user); }
  [[nodiscard]] std::set<UserId> users() const;
  /// SHA-256 over the sorted (user, device, era, admin).
  [[nodiscard]] crypto::Sha256Digest digest() const;
  /// The roster after a commit: removes first, then adds, then its admins. Errors: ROSTER_MISMATCH (it removes a
  /// device that is not there, adds one that is, names an admin who is not, or the digest differs).
  [[nodiscard]] Result<Roster> after(const CheckedCommitAad& aad) const;
  /// `adds` and `removes` that lead from this roster to `target`; `replaced` devices stand in both.
  void difference(const Roster& target, const std::set<DeviceId>& replaced, std::vector<RosterChange>& adds,
                  std::vector<RosterChange>& removes) const;
  friend bool operator==(const Roster&, const Roster&) = default;
};

}  // namespace sotto::wire
