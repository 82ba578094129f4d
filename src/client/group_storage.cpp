#include "client/group_storage.h"

#include "base/try.h"

namespace sotto::client {

namespace {
// Epochs, indexes and generations stay far below 2^63.
std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }
}  // namespace

Result<std::optional<SecretBytes>> SqlGroupStorage::get(const mls::StorageKey& key) {
  return db_.one<SecretBytes>(
      "SELECT value FROM mls WHERE chat_id = ? AND generation = ? AND kind = ? AND epoch = ? AND idx = ? AND sub = ?",
      chat_, generation_, key.table, number(key.epoch), number(key.index), number(key.generation));
}

Status SqlGroupStorage::put(const mls::StorageKey& key, ByteView value) {
  return db_.run(
      "INSERT INTO mls(chat_id, generation, kind, epoch, idx, sub, value) VALUES(?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET value = excluded.value",
      chat_, generation_, key.table, number(key.epoch), number(key.index), number(key.generation), value);
}

Status SqlGroupStorage::erase(const mls::StorageKey& key) {
  return db_.run(
      "DELETE FROM mls WHERE chat_id = ? AND generation = ? AND kind = ? AND epoch = ? AND idx = ? AND sub = ?", chat_,
      generation_, key.table, number(key.epoch), number(key.index), number(key.generation));
}

Status SqlGroupStorage::erase_all(mls::Table table, std::uint64_t epoch) {
  return db_.run("DELETE FROM mls WHERE chat_id = ? AND generation = ? AND kind = ? AND epoch = ?", chat_, generation_,
                 table, number(epoch));
}

Result<std::vector<mls::StorageRow>> SqlGroupStorage::scan(mls::Table table, std::uint64_t epoch,
                                                           std::optional<std::uint64_t> index) {
  std::vector<mls::StorageRow> rows;
  const auto add = [&](const store::Row& row) {
    mls::StorageRow out;
    out.index = static_cast<std::uint64_t>(row.integer(0));
    out.generation = static_cast<std::uint64_t>(row.integer(1));
    out.value = row.get<SecretBytes>(2);
    rows.push_back(std::move(out));
  };
  if (index) {
    SOTTO_TRY(db_.query(
        "SELECT idx, sub, value FROM mls WHERE chat_id = ? AND generation = ? AND kind = ? AND epoch = ? AND idx = ? "
        "ORDER BY idx, sub",
        chat_, generation_, table, number(epoch), number(*index), add));
  } else {
    SOTTO_TRY(
        db_.query("SELECT idx, sub, value FROM mls WHERE chat_id = ? AND generation = ? AND kind = ? AND epoch = ? "
                  "ORDER BY idx, sub",
                  chat_, generation_, table, number(epoch), add));
  }
  return rows;
}

}  // namespace sotto::client
