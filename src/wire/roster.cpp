#include "wire/roster.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "crypto/hash.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::wire {

namespace {

Result<RosterChange> check_change(const CommitAad::Device& device) {
  RosterChange out;
  if (!assign_exact(out.user, view(device.user_id())) || !assign_exact(out.device, view(device.device_id())) ||
      device.era() == 0) {
    return Error(ErrorCode::MALFORMED, "a roster change with an id of the wrong size");
  }
  out.era = device.era();
  return out;
}

void put(CommitAad::Device& to, const RosterChange& change) {
  to.set_user_id(to_string_bytes(change.user));
  to.set_device_id(to_string_bytes(change.device));
  to.set_era(change.era);
}

}  // namespace

Result<CheckedCommitAad> check_commit_aad(ByteView authenticated_data) {
  SOTTO_TRY_ASSIGN(const auto aad, decode<CommitAad>(authenticated_data));
  constexpr auto most = static_cast<int>(limits::users_per_chat * limits::devices_per_user);
  if (aad.adds_size() > most || aad.removes_size() > most ||
      aad.admins_size() > static_cast<int>(limits::users_per_chat) ||
      aad.skipped_size() > static_cast<int>(limits::handshake_senders_kept) || aad.evidence_size() > most) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "a CommitAad with too many parts");
  }
  CheckedCommitAad out;
  if (!assign_exact(out.client_message_id, view(aad.client_message_id())) ||
      !assign_exact(out.roster_digest, view(aad.roster_digest()))) {
    return Error(ErrorCode::MALFORMED, "a CommitAad with an id or digest of the wrong size");
  }
  out.membership_changed = aad.membership_changed();
  for (const auto& device : aad.adds()) {
    SOTTO_TRY_ASSIGN(auto change, check_change(device));
    out.adds.push_back(change);
  }
  for (const auto& device : aad.removes()) {
    SOTTO_TRY_ASSIGN(auto change, check_change(device));
    out.removes.push_back(change);
  }
  for (const auto& admin : aad.admins()) {
    const auto id = id_from<UserId>(view(admin));
    if (!id || !out.admins.insert(*id).second) return Error(ErrorCode::MALFORMED, "a CommitAad with a bad admin");
  }
  out.skipped.assign(aad.skipped().begin(), aad.skipped().end());
  for (const auto& statement : aad.evidence()) out.evidence.push_back(to_bytes(view(statement)));
  return out;
}

Bytes encode(const CheckedCommitAad& aad) {
  CommitAad out;
  out.set_client_message_id(to_string_bytes(aad.client_message_id));
  out.set_roster_digest(field(aad.roster_digest.view()));
  out.set_membership_changed(aad.membership_changed);
  for (const auto& change : aad.adds) put(*out.add_adds(), change);
  for (const auto& change : aad.removes) put(*out.add_removes(), change);
  // Not add_admins(value): without memory for it, protobuf leaves a message that cannot be destroyed.
  for (const auto& admin : aad.admins) *out.add_admins() = to_string_bytes(admin);
  for (const auto seq : aad.skipped) out.add_skipped(seq);
  for (const auto& statement : aad.evidence) *out.add_evidence() = field(statement);
  return serialize(out);
}

Result<CheckedMessageAad> check_message_aad(ByteView authenticated_data) {
  SOTTO_TRY_ASSIGN(const auto aad, decode<MessageAad>(authenticated_data));
  CheckedMessageAad out;
  if (!assign_exact(out.client_message_id, view(aad.client_message_id())) || aad.n() == 0) {
    return Error(ErrorCode::MALFORMED, "a MessageAad without a clientMessageId or n");
  }
  out.n = aad.n();
  return out;
}

Bytes encode(const CheckedMessageAad& aad) {
  MessageAad out;
  out.set_client_message_id(to_string_bytes(aad.client_message_id));
  out.set_n(aad.n);
  return serialize(out);
}

bool Roster::has_user(const UserId& user) const {
  return std::ranges::any_of(devices, [&](const auto& entry) { return entry.second.user == user; });
}

std::set<UserId> Roster::users() const {
  std::set<UserId> out;
  for (const auto& [device, member] : devices) out.insert(member.user);
  return out;
}

crypto::Sha256Digest Roster::digest() const {
  std::vector<RosterChange> sorted;
  sorted.reserve(devices.size());
  for (const auto& [device, member] : devices) sorted.push_back({member.user, device, member.era});
  std::ranges::sort(sorted);
  Bytes all;
  all.reserve(sorted.size() * 37);
  for (const auto& entry : sorted) {
    append(all, sotto::view(entry.user));
    append(all, sotto::view(entry.device));
    for (int shift = 24; shift >= 0; shift -= 8) all.push_back(static_cast<std::uint8_t>(entry.era >> shift));
    all.push_back(is_admin(entry.user) ? 1 : 0);
  }
  return crypto::sha256(all);
}

Result<Roster> Roster::after(const CheckedCommitAad& aad) const {
  Roster out = *this;
  const auto mismatch = [](const char* why) { return Error(ErrorCode::ROSTER_MISMATCH, why); };
  for (const auto& change : aad.removes) {
    const auto it = out.devices.find(change.device);
    if (it == out.devices.end() || it->second != RosterMember{change.user, change.era}) {
      return mismatch("removes a device that is not on the roster");
    }
    out.devices.erase(it);
  }
  for (const auto& change : aad.adds) {
    if (!out.devices.emplace(change.device, RosterMember{change.user, change.era}).second) {
      return mismatch("adds a device that is on the roster");
    }
  }
  out.admins = aad.admins;
  const auto users = out.users();
  if (!std::ranges::includes(users, out.admins)) return mismatch("an admin is not on the roster");
  if (out.digest() != aad.roster_digest && !SOTTO_PLANTED(roster_digest_unchecked))
    return mismatch("the roster digest differs");
  return out;
}

void Roster::difference(const Roster& target, const std::set<DeviceId>& replaced, std::vector<RosterChange>& adds,
                        std::vector<RosterChange>& removes) const {
  for (const auto& [device, member] : devices) {
    const auto it = target.devices.find(device);
    if (it == target.devices.end() || it->second != member || replaced.contains(device)) {
      removes.push_back({member.user, device, member.era});
    }
  }
  for (const auto& [device, member] : target.devices) {
    const auto it = devices.find(device);
    if (it == devices.end() || it->second != member || replaced.contains(device)) {
      adds.push_back({member.user, device, member.era});
    }
  }
}

}  // namespace sotto::wire
