#include "client/rules.h"

#include <algorithm>

#include "base/try.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

Error broken(const char* rule) { return {ErrorCode::INVALID_COMMIT, rule}; }

Status judge_form(const mls::CommitEffects& effects) {
  if (!effects.has_path) return broken("form: no update path");
  if (effects.has_proposals_by_reference) return broken("form: a proposal by reference");
  if (effects.has_psk) return broken("form: a PSK");
  if (!effects.updates.empty()) return broken("form: an update proposal");
  return {};
}

Status judge_state(const ChatStateView& before, const ChatStateView& after, bool is_admin) {
  if (before == after) return {};
  if (before.type != after.type || before.created_at != after.created_at) {
    return broken("state: type and creation time never change");
  }
  if (before.type == ChatType::direct) return broken("state: a direct chat has nothing to change");
  if (!is_admin) return broken("state: only an admin changes it");
  if (after.rules_version < before.rules_version) return broken("state: rules never go back");
  return {};
}

/// The certificates of the leaves after the commit: those of new leaves verified, the others as they were.
Result<std::vector<GroupDevice>> devices_after(const mls::CommitEffects& effects) {
  std::set<std::uint32_t> fresh;
  for (const auto& add : effects.adds) fresh.insert(add.index.value);
  fresh.insert(effects.sender.value);
  std::vector<GroupDevice> out;
  for (const auto& member : effects.members_after) {
    auto certificate = fresh.contains(member.index.value) ? check_leaf(*member.leaf)
                                                          : wire::read_credential(member.leaf->credential.identity);
    if (!certificate.ok()) return broken("leaf: not certified by its user");
    out.push_back({member.index, std::move(*certificate)});
  }
  return out;
}

Status judge_roster(const mls::CommitEffects& effects, const wire::CheckedCommitAad& aad, const ChatStateView& after,
                    const wire::Roster& roster, const std::vector<GroupDevice>& devices) {
  if (aad.membership_changed != (!effects.adds.empty() || !effects.removes.empty())) {
    return broken("roster: membership_changed is not what the tree says");
  }
  if (aad.admins != after.admins) return broken("roster: other admins than the group's state");
  if (aad.roster_digest != roster.digest()) return broken("roster: another digest than the tree's");
  std::set<DeviceId> removed;
  for (const auto& leaf : effects.removes) {
    SOTTO_TRY_ASSIGN(const auto certificate, wire::read_credential(leaf.leaf->credential.identity));
    removed.insert(certificate.device);
  }
  for (const auto& add : effects.adds) {
    const auto it = std::ranges::find(devices, add.index.value, [](const GroupDevice& d) { return d.leaf.value; });
    if (it == devices.end()) return broken("leaf: an added leaf is not in the tree");
    const auto& device = it->certificate;
    const wire::RosterChange change{device.user, device.device, device.era};
    const bool named = std::ranges::find(aad.adds, change) != aad.adds.end();
    const bool replaced = removed.contains(device.device);
    const bool named_in_removes =
        std::ranges::find(aad.removes, device.device, &wire::RosterChange::device) != aad.removes.end();
    if (!named || (replaced && !named_in_removes)) return broken("roster: an added leaf is not named in adds");
  }
  return {};
}

}  // namespace

Status judge_group(const ChatStateView& state, const std::vector<GroupDevice>& devices) {
  std::map<UserId, std::pair<crypto::SignaturePublicKey, std::size_t>> users;
  std::set<DeviceId> seen;
  for (const auto& device : devices) {
    if (!seen.insert(device.certificate.device).second) return broken("places: a device has two leaves");
    auto [it, first] = users.try_emplace(device.certificate.user, device.certificate.identity_key, 0);
    if (!first && it->second.first != device.certificate.identity_key) {
      return broken("places: a user with two identity keys");
    }
    if (++it->second.second > wire::limits::devices_per_user) return broken("places: more than 10 devices of a user");
  }
  if (users.size() > wire::limits::users_per_chat) return broken("places: more than 100 users");
  if (state.type == ChatType::direct) {
    if (users.size() > 2 || !state.admins.empty() || !state.name.empty()) {
      return broken("state: a direct chat has two users, no admins and no name");
    }
    return {};
  }
  if (state.admins.empty()) return broken("state: a group has an admin");
  for (const auto& admin : state.admins) {
    if (!users.contains(admin)) return broken("state: an admin is not a member");
  }
  return {};
}

Result<Verdict> founding_verdict(const mls::CommitEffects& effects) {
  Verdict verdict;
  SOTTO_TRY_ASSIGN(verdict.after, read_chat_state(effects.extensions_after));
  SOTTO_TRY_ASSIGN(const auto devices, devices_after(effects));
  SOTTO_TRY(judge_group(verdict.after, devices));
  SOTTO_TRY_ASSIGN(const auto sender, wire::read_credential(effects.sender_leaf_before->credential.identity));
  verdict.sender = sender.user;
  verdict.sender_device = sender.device;
  verdict.before = verdict.after;
  verdict.roster_after = roster_of(devices, verdict.after.admins);
  return verdict;
}

Result<Verdict> judge(const mls::CommitEffects& effects, const wire::CheckedCommitAad& aad) {
  SOTTO_TRY(judge_form(effects));
  auto before = read_chat_state(effects.extensions_before);
  auto after = read_chat_state(effects.extensions_after);
  if (!before.ok() || !after.ok()) return broken("state: not a ChatState");

  // Our only extension is ChatState: any other change is not covered by a rule, and so not allowed.
  if (with_chat_state(effects.extensions_before, *after) != with_chat_state(effects.extensions_after, *after)) {
    return broken("state: another extension changes");
  }

  auto sender_before = wire::read_credential(effects.sender_leaf_before->credential.identity);
  auto sender_after = check_leaf(*effects.sender_leaf_after);
  if (!sender_before.ok() || !sender_after.ok() || sender_before->user != sender_after->user ||
      sender_before->device != sender_after->device || sender_before->era != sender_after->era) {
    return broken("leaf: the sender becomes another device");
  }
  const UserId sender = sender_before->user;
  const bool is_admin = before->type == ChatType::group && before->admins.contains(sender);
  SOTTO_TRY(judge_state(*before, *after, is_admin));

  SOTTO_TRY_ASSIGN(const auto devices, devices_after(effects));
  SOTTO_TRY(judge_group(*after, devices));

  Verdict verdict;
  verdict.sender = sender;
  verdict.sender_device = sender_before->device;
  verdict.roster_after = roster_of(devices, after->admins);
  std::set<UserId> users_before_of_removed;
  for (const auto& removed : effects.removes) {
    auto certificate = wire::read_credential(removed.leaf->credential.identity);
    if (!certificate.ok()) return broken("leaf: a removed leaf without a certificate");
    if (certificate->user != sender && !is_admin) return broken("members: only an admin removes others");
    users_before_of_removed.insert(certificate->user);
  }
  for (const auto& add : effects.adds) {
    const auto it = std::ranges::find(devices, add.index.value, [](const GroupDevice& d) { return d.leaf.value; });
    if (it == devices.end()) return broken("leaf: an added leaf is not in the tree");
    if (it->certificate.user != sender && !is_admin) return broken("members: only an admin adds others");
    verdict.users_added.insert(it->certificate.user);
  }
  SOTTO_TRY(judge_roster(effects, aad, *after, verdict.roster_after, devices));

  // A user is new or gone only if none of its devices was there before, or is there after.
  const auto users_after = verdict.roster_after.users();
  for (const auto& user : users_before_of_removed) {
    if (!users_after.contains(user)) verdict.users_removed.insert(user);
  }
  std::map<UserId, std::size_t> added_leaves;
  for (const auto& add : effects.adds) {
    const auto it = std::ranges::find(devices, add.index.value, [](const GroupDevice& d) { return d.leaf.value; });
    ++added_leaves[it->certificate.user];
  }
  std::erase_if(verdict.users_added, [&](const UserId& user) {
    const auto all = std::ranges::count_if(devices, [&](const GroupDevice& d) { return d.certificate.user == user; });
    return users_before_of_removed.contains(user) || static_cast<std::size_t>(all) > added_leaves[user];
  });
  verdict.before = std::move(*before);
  verdict.after = std::move(*after);
  return verdict;
}

}  // namespace sotto::client
