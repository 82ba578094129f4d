#include "relay/commit_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace limits = wire::limits;

namespace {

using Changes = std::vector<wire::RosterChange>;

/// Ranges of removed devices that a chat remembers; what is above shows somebody who adds and removes all day.
constexpr std::size_t closed_ranges_kept = 4096;

bool names(const Changes& changes, const UserId& user, const DeviceId& device) {
  return std::ranges::any_of(changes,
                             [&](const auto& change) { return change.user == user && change.device == device; });
}

/// Without the devices that the commit replaces, which stand in both lists.
Changes without(const Changes& changes, const Changes& other) {
  Changes out;
  std::ranges::copy_if(changes, std::back_inserter(out),
                       [&](const auto& change) { return !names(other, change.user, change.device); });
  return out;
}

bool all_of_user(const Changes& changes, const UserId& user) {
  return std::ranges::all_of(changes, [&](const auto& change) { return change.user == user; });
}

Error invalid(const char* why) { return Error(ErrorCode::INVALID_ARGUMENT, why); }
Error forbidden(const char* why) { return Error(ErrorCode::FORBIDDEN, why); }

Status check_counts(const wire::Roster& roster) {
  std::map<UserId, std::size_t> devices;
  for (const auto& [device, member] : roster.devices) ++devices[member.user];
  if (devices.size() > limits::users_per_chat) return Error(ErrorCode::LIMIT_EXCEEDED, "more than 100 users in a chat");
  const bool many =
      std::ranges::any_of(devices, [](const auto& entry) { return entry.second > limits::devices_per_user; });
  if (many) return Error(ErrorCode::LIMIT_EXCEEDED, "more than 10 devices of a user in a chat");
  return {};
}

}  // namespace

std::size_t commit_size(const wire::Commit& commit) { return commit.ByteSizeLong(); }

Status check_roles(const ChatFold& fold, const Sender& sender, const wire::CheckedCommitAad& aad,
                   const wire::Roster& after) {
  const auto& own = sender.device.user;
  if (names(aad.removes, own, sender.device.device)) return forbidden("a device does not remove itself");
  const bool admin = fold.roster.is_admin(own);
  // A user who goes, goes as an admin, too; anything else about admins is an admin's business.
  std::set<UserId> stay;
  const auto users = after.users();
  std::ranges::set_intersection(fold.roster.admins, users, std::inserter(stay, stay.end()));
  if (!admin && after.admins != stay) return forbidden("only an admin changes who is an admin");

  const auto added = without(aad.adds, aad.removes);
  const auto removed = without(aad.removes, aad.adds);
  if (!all_of_user(added, own)) {
    if (fold.type == wire::DIRECT) return forbidden("nobody is added to a direct chat");
    if (!admin) return forbidden("only an admin adds others");
  }
  if (!all_of_user(removed, own)) {
    if (fold.type == wire::DIRECT) return forbidden("nobody is removed from a direct chat");
    if (!admin) return forbidden("only an admin removes others");
  }
  // Any member may serve the signed request of a device that has to rejoin (HEAL.md).
  const bool replaces_others = std::ranges::any_of(
      aad.adds, [&](const auto& c) { return c.user != own && names(aad.removes, c.user, c.device); });
  if (replaces_others && !admin && aad.evidence.empty()) return forbidden("only an admin replaces others unasked");
  return {};
}

Status check_operation(const ChatFold& fold, const Sender& sender, const CommitRequest& request,
                       const wire::CheckedCommitAad& aad, const wire::Roster& after) {
  const auto added = without(aad.adds, aad.removes);
  const auto removed = without(aad.removes, aad.adds);
  switch (request.operation) {
    case wire::ADD:
      if (added.empty() || !all_of_user(added, request.user)) return invalid("adds are not devices of the user");
      if (!removed.empty()) return invalid("an ADD that removes");
      return {};
    case wire::REMOVE:
      if (removed.empty() || !all_of_user(removed, request.user)) return invalid("removes are not devices of the user");
      if (!added.empty() || after.has_user(request.user)) return invalid("a REMOVE that leaves the user in");
      return {};
    default:
      // Devices may come and go, users may not; but an admin's commit mends what one that all members skipped has
      // changed here.
      if (!fold.roster.is_admin(sender.device.user) && fold.roster.users() != after.users()) {
        return invalid("users are changed by modifyChatParticipants");
      }
      return {};
  }
}

Status check_sizes(const wire::CheckedCommitAad& aad, const wire::Roster& after) {
  if (aad.adds.size() > limits::adds_per_commit) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "more than 100 adds in a commit");
  }
  return check_counts(after);
}

Status check_past(const ChatFold& fold, const wire::CheckedCommitAad& aad) {
  if (aad.removes.empty() || fold.closed_ranges() < closed_ranges_kept) return {};
  Error error(ErrorCode::RATE_LIMITED, "too many removed devices have not yet got what they are owed");
  error.retry_after = std::chrono::hours(1);
  return error;
}

Status check_founding(const wire::CreateChat& request, const ChatId& chat, const Sender& sender,
                      const wire::Roster& roster) {
  std::set<UserId> participants;
  for (const auto& raw : request.participants()) {
    const auto user = id_from<UserId>(wire::view(raw));
    if (!user || !participants.insert(*user).second) return invalid("participants are distinct userIds");
  }
  if (auto status = check_counts(roster); !status.ok()) return status;
  if (participants != roster.users()) return invalid("participants and roster differ");
  const auto own = roster.devices.find(sender.device.device);
  if (own == roster.devices.end() || own->second != wire::RosterMember{sender.device.user, sender.era}) {
    return invalid("the creating device is not on the roster");
  }
  if (request.type() == wire::GROUP) {
    if (!wire::is_group_id(chat)) return invalid("not the chatId of a group");
    return roster.admins.empty() ? Status(invalid("a group has an admin")) : Status();
  }
  // Two people, or one person's devices among themselves.
  if (participants.size() > 2) return invalid("a direct chat has two users");
  if (chat != wire::direct_chat_id(*participants.begin(), *participants.rbegin())) {
    return invalid("not the chatId of these two users");
  }
  return {};
}

Status put_welcome(StoredEntry& entry, const wire::WelcomeBundle& welcome, const Changes& adds,
                   const Unwelcomed& unwelcomed) {
  std::map<DeviceId, UserId> joiners;
  for (const auto& change : adds) {
    if (DeviceRef{change.user, change.device} != unwelcomed.founder) joiners[change.device] = change.user;
  }
  for (const auto& secret : welcome.secrets()) {
    const auto device = id_from<DeviceId>(wire::view(secret.device_id()));
    const auto it = device ? joiners.find(*device) : joiners.end();
    if (it == joiners.end()) return invalid("a Welcome secret for a device that is not added");
    if (secret.secret().empty()) return invalid("an empty Welcome secret");
    entry.welcome_secrets.push_back({{it->second, it->first}, to_bytes(wire::view(secret.secret()))});
    joiners.erase(it);
  }
  if (!joiners.empty() && !unwelcomed.repair) return invalid("an added device has no Welcome secret");
  if (!entry.welcome_secrets.empty() && welcome.shared().empty()) return invalid("a Welcome without its shared part");
  entry.welcome_shared = to_bytes(wire::view(welcome.shared()));
  std::ranges::sort(entry.welcome_secrets, {}, &WelcomeSecret::device);
  return {};
}

}  // namespace sotto::relay
