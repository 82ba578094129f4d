// The records of SqliteStore: table record.
#include <algorithm>
#include <cstdint>

#include "base/try.h"
#include "relay/backend/sqlite_store.h"

namespace sotto::relay {

namespace {

bool begins_with(ByteView key, ByteView prefix) {
  return key.size() >= prefix.size() && equal(key.first(prefix.size()), prefix);
}

}  // namespace

Result<Record> SqliteStore::get(const RecordKey& key) {
  SOTTO_TRY_ASSIGN(auto row, (db_->one<std::uint64_t, Bytes>("SELECT revision, value FROM record WHERE key = ?", key)));
  Record out;
  out.key = key;
  if (row) std::tie(out.revision, out.value) = std::move(*row);
  return out;
}

Result<std::uint64_t> SqliteStore::put(const RecordKey& key, ByteView value,
                                       std::optional<std::uint64_t> expected_revision) {
  if (expected_revision && *expected_revision > most_number) return ErrorCode::CONFLICT;
  // One counter for all records, so that a revision never comes again after a removal. Invitations come from another
  // process, with a revision that was not counted here.
  const std::uint64_t revision = std::max(last_revision_, expected_revision.value_or(0)) + 1;
  if (!expected_revision) {
    SOTTO_TRY(
        db_->run("INSERT INTO record(key, revision, value) VALUES(?, ?, ?)"
                 " ON CONFLICT(key) DO UPDATE SET revision = excluded.revision, value = excluded.value",
                 key, revision, value));
  } else if (*expected_revision == 0) {
    SOTTO_TRY(db_->run("INSERT INTO record(key, revision, value) VALUES(?, ?, ?) ON CONFLICT(key) DO NOTHING", key,
                       revision, value));
  } else {
    SOTTO_TRY(db_->run("UPDATE record SET revision = ?, value = ? WHERE key = ? AND revision = ?", revision, value, key,
                       *expected_revision));
  }
  if (db_->changes() == 0) return ErrorCode::CONFLICT;
  revision_moved_ = true;
  last_revision_ = revision;
  return revision;
}

Status SqliteStore::remove(const RecordKey& key) {
  SOTTO_TRY(db_->run("DELETE FROM record WHERE key = ?", key));
  residue_ = residue_ || db_->changes() > 0;
  return {};
}

Result<std::vector<Record>> SqliteStore::scan(const RecordKey& prefix, const RecordKey& after, std::size_t limit) {
  std::vector<Record> out;
  if (limit == 0) return out;
  const auto take = [&](const store::Row& row) {
    const auto key = row.get<ByteView>(0);
    if (!begins_with(key, prefix)) return false;
    out.push_back({to_bytes(key), row.get<Bytes>(2), row.get<std::uint64_t>(1)});
    return out.size() < limit;
  };
  // Keys with the prefix stand together, from the prefix itself on.
  if (after < prefix) {
    SOTTO_TRY(db_->query("SELECT key, revision, value FROM record WHERE key >= ? ORDER BY key", prefix, take));
  } else if (begins_with(after, prefix)) {
    SOTTO_TRY(db_->query("SELECT key, revision, value FROM record WHERE key > ? ORDER BY key", after, take));
  }
  return out;
}

}  // namespace sotto::relay
