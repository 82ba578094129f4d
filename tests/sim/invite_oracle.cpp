#include "sim/invite_oracle.h"

#include <algorithm>

#include "relay/record_keys.h"
#include "relay/registration_records.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

void InviteOracle::on_made(const std::string& text) {
  keys_[text] = relay::keys::invite(relay::invite_hash(text));
  invites_[keys_[text]].good_since = world_.now();
}

void InviteOracle::on_revoked(const std::string& text) { invites_[keys_.at(text)].revoked = true; }

std::vector<std::string> InviteOracle::texts() const {
  std::vector<std::string> out;
  for (const auto& [text, key] : keys_) {
    if (!invites_.at(key).revoked) out.push_back(text);
  }
  return out;
}

void InviteOracle::on_record(ByteView key, const Bytes* value, bool starting) {
  if (!world_.wants_invites() || value == nullptr) return;
  const auto rest = key.subspan(1);
  if (equal(key.first(1), relay::keys::invites())) {
    on_invite(invites_[to_bytes(key)], value);
  } else if (key.front() == 'u') {
    const auto record = must(relay::UserRecord::decode(*value), "a user");
    if (const auto user = id_from<UserId>(rest); user && !record.deleted) admitted_.insert(*user);
  } else if (key.front() == 'h') {
    admitted_.insert(must(relay::HandleRecord::decode(*value), "a handle").user);
  }
  if (!starting) check_admitted();
}

void InviteOracle::on_invite(Invite& invite, const Bytes* value) {
  const auto record = must(relay::InviteRecord::decode(*value), "an invitation");
  if (invite.revoked) violated("an invitation that was revoked is gone", "");
  if (record.used_by.size() > record.uses) violated("an invitation is used as often as it may be", "");
  if (record.used_by.size() < invite.used) invite.good_since = world_.now();
  invite.uses = record.uses;
  invite.used = record.used_by.size();
  invite.users.insert(record.used_by.begin(), record.used_by.end());
}

void InviteOracle::check_admitted() {
  for (const auto& user : admitted_) {
    if (std::ranges::none_of(invites_, [&](const auto& it) { return it.second.users.contains(user); })) {
      violated("nobody gets in without an invitation", brief(user.bytes));
    }
  }
  admitted_.clear();
}

void InviteOracle::on_refused(const std::string& text, Timestamp asked_at) {
  const auto key = keys_.find(text);
  if (key == keys_.end() || world_.options().hostile == Hostile::relay || world_.relay_clock_was_set()) return;
  const auto& invite = invites_.at(key->second);
  // One that nobody has used yet was not told with its number of uses, which is at least one.
  const bool free = invite.uses == 0 || invite.used < invite.uses;
  if (free && !invite.revoked && invite.good_since < asked_at) violated("a good invitation is enough", text);
}

}  // namespace sotto::sim
