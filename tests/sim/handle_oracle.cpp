#include "sim/handle_oracle.h"

#include <algorithm>

#include "client/tables/account_table.h"
#include "relay/records.h"
#include "relay/registration_records.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {
Timestamp at(std::uint64_t time) { return Timestamp(Milliseconds(time)); }
}  // namespace

void HandleOracle::on_record(ByteView key, const Bytes* value, bool starting) {
  const auto rest = key.subspan(1);
  const std::string handle(rest.begin(), rest.end());
  if (key.front() == 'u' && value != nullptr) {
    const auto user = id_from<UserId>(rest);
    if (user && must(relay::UserRecord::decode(*value), "a user").deleted) deleted_.insert(*user);
  } else if (key.front() == 'H') {
    const auto claim = value == nullptr ? relay::ClaimRecord{} : must(relay::ClaimRecord::decode(*value), "a claim");
    // One that is removed stays known: it goes in the step in which the handle moves.
    if (value == nullptr) return;
    if (!claim.claimant) return static_cast<void>(claims_.erase(handle));
    // It was decided when the run of the store was begun, or while the one before was under way.
    const auto least = world_.relay().local_now() + world_.handle_notice() - world_.relay().longest_until_durable();
    auto& known = claims_[handle];
    const bool fresh = known.by != *claim.claimant || known.moves_at != at(claim.moves_at);
    if (fresh && !starting && at(claim.moves_at) < least) violated("an owner has time to object", handle);
    known = {*claim.claimant, at(claim.moves_at)};
  } else if (key.front() == 'h') {
    if (value == nullptr) return static_cast<void>(owners_.erase(handle));
    on_owner(handle, must(relay::HandleRecord::decode(*value), "a handle"), starting);
  }
}

void HandleOracle::on_owner(const std::string& handle, const relay::HandleRecord& record, bool starting) {
  auto& owner = owners_[handle];
  const auto before = owner;
  // Locked with the same PIN once more, it counts anew, too.
  if (before.user != record.user || before.pin != record.pin || record.wrong_pins.count < before.wrong_at_relay) {
    owner = {record.user, record.pin, world_.now()};
  }
  owner.wrong_at_relay = record.wrong_pins.count;
  if (record.wrong_pins.count > world_.pins_a_day()) violated("few PINs a day can be tried", handle);
  if (before.user == record.user || before.user.is_zero() || deleted_.contains(before.user)) return;
  // Of an account that no device ever had, as when its registration was answered falsely, nobody was ever connected.
  if (std::ranges::none_of(world_.devices(), [&](const Device& device) {
        return device.user == before.user || std::ranges::find(device.former, before.user) != device.former.end();
      })) {
    return;
  }
  ++world_.counts.operations["(handles) moved"];
  moves_.push_back({handle, before.user, world_.now()});
  check_move(handle, before, record.user, starting);
}

void HandleOracle::check_move(const std::string& handle, const Owner& before, const UserId& to, bool starting) {
  locked_.erase({handle, before.user});
  if (before.pin) {
    if (!starting && !pins_shown_[{handle, to}].contains(*before.pin)) {
      violated("a locked handle moves only to who knows its PIN", handle);
    }
    ++world_.counts.operations["(handles) moved by PIN"];
    return;
  }
  const auto& claim = claims_[handle];
  const bool waited = claim.by == to && world_.relay().local_now() >= claim.moves_at;
  if (!waited && !starting) violated("an owner has time to object", handle);
  const auto kept = kept_until_.find({handle, before.user});
  if (kept != kept_until_.end() && world_.now() < kept->second && !world_.relay_clock_was_set()) {
    violated("a handle never moves against its owner", handle);
  }
}

// ---- What devices ask and are told

bool HandleOracle::is_or_was(const std::string& handle, const UserId& user, Timestamp since) const {
  const auto owner = owners_.find(handle);
  if (owner != owners_.end() && owner->second.user == user) return true;
  return deleted_.contains(user) || std::ranges::any_of(moves_, [&](const Move& move) {
           return move.handle == handle && move.from == user && move.at >= since;
         });
}

void HandleOracle::on_asked(const Asked& asked) {
  if (asked.pin) pins_shown_[{asked.handle, asked.user}].insert(*asked.pin);
}

void HandleOracle::on_pin_required(const Asked& asked) {
  auto& owner = owners_[asked.handle];
  // What it was when the relay decided is known if it has not changed since.
  if (!asked.pin || asked.at <= owner.locked_at || world_.options().hostile == Hostile::relay) return;
  if (owner.pin == asked.pin) violated("a handle is given to who knows its PIN", asked.handle);
  if (++owner.wrong_pins > world_.pins_a_day() && !world_.relay_clock_was_set() && !world_.time_was_let_pass()) {
    violated("few PINs a day can be tried", asked.handle);
  }
}

void HandleOracle::on_told(const std::string& handle, const UserId& user) {
  ++world_.counts.operations["(handles) changed"];
  if (world_.options().hostile != Hostile::relay && !is_or_was(handle, user, {})) {
    violated("who is told that a handle is theirs has it", handle);
  }
}

void HandleOracle::on_locked(const std::string& handle, const UserId& user, const Pin& pin) {
  if (world_.options().hostile == Hostile::relay) return;
  ++world_.counts.operations[pin ? "(handles) locked" : "(handles) unlocked"];
  locked_[{handle, user}] = pin;
  const auto owner = owners_.find(handle);
  if (owner == owners_.end() || owner->second.user != user || owner->second.pin == pin) return;
  violated("a handle is locked as its owner was told", handle);
}

void HandleOracle::on_found(const std::string& handle, const UserId& user, Timestamp since) {
  if (world_.options().hostile != Hostile::relay && !is_or_was(handle, user, since)) {
    violated("a handle leads to whose it is", handle);
  }
}

void HandleOracle::on_kept(const std::string& handle, const UserId& owner, Timestamp since) {
  ++world_.counts.operations["(handles) kept"];
  for (const auto& move : moves_) {
    if (move.handle == handle && move.from == owner && move.at >= since) {
      violated("a handle never moves against its owner", handle);
    }
  }
  kept_until_[{handle, owner}] = since + world_.handle_kept();
}

void HandleOracle::check_handle(Device& device) {
  // Who owned what when the relay died is read from its disk from workload 5 on only.
  if (world_.options().workload < 5) return;
  const auto account = must(client::AccountTable(device.db()).load(), "account");
  const auto owner = owners_.find(account->handle);
  const bool own = owner != owners_.end() && owner->second.user == device.user;
  if (own == account->handle_moved) {
    violated("who has a handle knows it, and who has lost it", device.name() + " " + account->handle);
  }
  const auto locked = locked_.find({account->handle, device.user});
  if (own && locked != locked_.end() && locked->second != owner->second.pin) {
    violated("a handle is locked as its owner was told", device.name() + " " + account->handle);
  }
}

}  // namespace sotto::sim
