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
    const auto user = must(relay::HandleRecord::decode(*value), "a handle").user;
    const auto before = std::exchange(owners_[handle], user);
    if (before == user || before.is_zero() || deleted_.contains(before)) return;
    // Of an account that no device ever had, as when its registration was answered falsely, nobody was ever connected.
    if (std::ranges::none_of(world_.devices(), [&](const Device& device) {
          return device.user == before || std::ranges::find(device.former, before) != device.former.end();
        })) {
      return;
    }
    ++world_.counts.operations["(handles) moved"];
    moves_.push_back({handle, before, world_.now()});
    const auto& claim = claims_[handle];
    const bool waited = claim.by == user && world_.relay().local_now() >= claim.moves_at;
    if (!waited && !starting) violated("an owner has time to object", handle);
    const auto kept = kept_until_.find({handle, before});
    if (kept != kept_until_.end() && world_.now() < kept->second && !world_.relay_clock_was_set()) {
      violated("a handle never moves against its owner", handle);
    }
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
  const bool own = owner != owners_.end() && owner->second == device.user;
  if (own == account->handle_moved) {
    violated("who has a handle knows it, and who has lost it", device.name() + " " + account->handle);
  }
}

}  // namespace sotto::sim
