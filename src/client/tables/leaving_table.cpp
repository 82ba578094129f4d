#include "client/tables/leaving_table.h"

#include <vector>

#include "base/test_hooks.h"
#include "base/try.h"

namespace sotto::client {

Result<std::optional<LeavingKind>> LeavingTable::load() { return db_.one<LeavingKind>("SELECT kind FROM leaving"); }

Status LeavingTable::set(std::optional<LeavingKind> kind) {
  if (!kind) return db_.run("DELETE FROM leaving");
  return db_.run("INSERT OR REPLACE INTO leaving(id, kind) VALUES(1, ?)", *kind);
}

Status LeavingTable::erase_store() {
  SOTTO_TRY(db_.run("INSERT OR IGNORE INTO media_trash(media_id) SELECT media_id FROM media"));
  std::vector<std::string> tables;
  SOTTO_TRY(db_.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                      [&](const store::Row& row) { tables.emplace_back(row.text(0)); }));
  for (const auto& table : tables) {
    if (SOTTO_PLANTED(erased_in_part) && table == "message") continue;
    if (table != "media_trash") SOTTO_TRY(db_.run("DELETE FROM \"" + table + "\""));
  }
  return {};
}

Result<std::optional<PushTokenRow>> PushTokenTable::load() {
  std::optional<PushTokenRow> out;
  SOTTO_TRY(db_.query("SELECT token, at_least, told_to FROM push_token", [&](const store::Row& row) {
    out = PushTokenRow{std::string(row.text(0)), row.get<Urgency>(1), row.get<std::optional<Bytes>>(2)};
  }));
  return out;
}

Status PushTokenTable::set(const std::string& token, Urgency at_least) {
  return db_.run("INSERT OR REPLACE INTO push_token(id, token, at_least, told_to) VALUES(1, ?, ?, NULL)", token,
                 at_least);
}

Status PushTokenTable::set_told_to(const std::optional<Bytes>& incarnation) {
  return db_.run("UPDATE push_token SET told_to = ?", incarnation);
}

Status PushTokenTable::remove() { return db_.run("DELETE FROM push_token"); }

}  // namespace sotto::client
