// Accounts that end: nothing of them is left on the device, nothing of a deleted one at the relay, and what they wrote
// stays with the others.
#include "relay/records.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {
template <typename F>
void read(store::Database& db, std::string_view sql, F&& each) {
  const auto done = db.query(sql, std::forward<F>(each));
  if (!done.ok()) violated("a calm store can be read", done.error().message);
}
}  // namespace

bool Oracle::is_honest(const UserId& user) const {
  if (past_.contains(user)) return true;
  const auto* device = world_.device_of(user);
  return device != nullptr && !is_hostile(*device);
}

void Oracle::on_erased(const Device& device) {
  past_.insert(device.user);
  const auto of_device = [&](const auto& entry) { return std::get<0>(entry.first) == device.index(); };
  std::erase_if(told_, of_device);
  std::erase_if(acked_, of_device);
  std::erase_if(send_requests_, of_device);
  std::erase_if(sent_, [&](const auto& entry) { return entry.first.first.first == device.index(); });
  typing_.erase(device.index());
}

void Oracle::check_erased(Device& device) {
  const World::Calm calm(world_);
  auto& db = device.db();
  if (must(db.one<std::int64_t>("SELECT count(*) FROM account"), "account").value_or(0) > 0) return;  // another one
  std::vector<std::string> tables;
  read(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
       [&](const store::Row& row) { tables.emplace_back(row.text(0)); });
  for (const auto& table : tables) {
    const auto rows = must(db.one<std::int64_t>("SELECT count(*) FROM \"" + table + "\""), "rows").value_or(0);
    if (rows != 0) violated("nothing of an account that was erased is left", device.name() + ": " + table);
  }
  for (const auto& file : device.disk().files()) {
    if (file.starts_with("/media/")) violated("nothing of an account that was erased is left", device.name() + file);
  }
}

void Oracle::check_relay_forgot() {
  const auto db = world_.relay().open_reader();
  std::vector<std::pair<Bytes, Bytes>> records;
  read(*db, "SELECT key, value FROM record",
       [&](const store::Row& row) { records.emplace_back(row.get<Bytes>(0), row.get<Bytes>(1)); });
  deleted_.clear();
  for (const auto& [key, value] : records) {
    if (key.front() != 'u' || !must(relay::UserRecord::decode(value), "a user").deleted) continue;
    if (const auto user = id_from<UserId>(ByteView(key).subspan(1))) deleted_.insert(*user);
  }
  for (const auto& user : told_deleted_) {
    if (!deleted_.contains(user))
      violated("who was told that an account is deleted was told the truth", brief(user.bytes));
  }
  for (const auto& [key, value] : records) {
    const auto family = static_cast<char>(key.front());
    // A tombstone, and what belongs to the rosters of chats, which members change.
    if (family == 'u' || family == 'c') continue;
    const auto left = family == 'h'      ? std::optional(must(relay::HandleRecord::decode(value), "a handle").user)
                      : key.size() >= 17 ? id_from<UserId>(ByteView(key).subspan(1, 16))
                                         : std::nullopt;
    if (left && deleted_.contains(*left)) {
      violated("nothing of a deleted account is left", brief(left->bytes) + ", a record " + family);
    }
  }
}

bool Oracle::waits_for_nobody(const TrueLog& log) const {
  // Who left an account behind without deleting it is owed what comes, and never acks.
  return std::ranges::any_of(log.members, [&](const auto& member) {
    return past_.contains(member.first.user) && !deleted_.contains(member.first.user);
  });
}

}  // namespace sotto::sim
