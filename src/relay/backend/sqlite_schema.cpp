#include "relay/backend/sqlite_schema.h"

#include <array>

#include "base/try.h"

namespace sotto::relay {

namespace {

// Log entries lie in the order in which they came, whatever their chat, with an index by chat: a run's appends fill a
// few neighbouring pages instead of one page a chat, which is a quarter of the WAL for a batch of 50, and entries of a
// kilobyte need no overflow pages, as they would in a table that is clustered by (log_id, seq).
//
// The ends of a log are not stored: last is the highest seq, or that of the snapshot if no entry is left (only what a
// snapshot covers is ever removed), and first the lowest, or last + 1. Only entries that stay get here, see version 3.
constexpr std::string_view version_1 = R"sql(
CREATE TABLE store(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  incarnation BLOB NOT NULL,        -- 16 random bytes
  last_revision INTEGER NOT NULL    -- the highest revision that any record ever had
) STRICT;

CREATE TABLE log_entry(
  id INTEGER PRIMARY KEY,
  log_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_entry_seq ON log_entry(log_id, seq);

CREATE TABLE log_snapshot(
  log_id BLOB NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,             -- it stands for all entries up to this one
  size INTEGER NOT NULL,            -- of the snapshot in data; zero bytes follow it
  data BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE record(
  key BLOB NOT NULL PRIMARY KEY,
  revision INTEGER NOT NULL,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob(
  id BLOB NOT NULL PRIMARY KEY,
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,
  hash BLOB,                        -- SHA-256 of a finished one; NULL while it is uploaded
  meta BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_part(
  blob_id BLOB NOT NULL,
  start INTEGER NOT NULL,           -- offset of its first byte
  data BLOB NOT NULL,               -- at most 64 KiB, so that a small range costs little
  PRIMARY KEY(blob_id, start)
) STRICT, WITHOUT ROWID;
)sql";

// Blobs are files (sqlite_blob_store.h). What was uploaded before this is gone; the records of families b and x were
// their lifetimes.
constexpr std::string_view version_2 = R"sql(
DROP TABLE blob_part;
DROP TABLE blob;
DELETE FROM record WHERE substr(key, 1, 1) IN (x'62', x'78');
)sql";

// Entries that came lately lie together, a row for all that a run appended (young_entries.h).
constexpr std::string_view version_3 = R"sql(
CREATE TABLE log_segment(
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL                -- entries, one after the other: log_id, seq and size (little-endian), data
) STRICT;
-- Of a log's entries in segments, those up to this one are gone.
ALTER TABLE log_snapshot ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;
)sql";

constexpr std::array<store::Migration, 3> migrations{{{1, version_1}, {2, version_2}, {3, version_3}}};

}  // namespace

std::span<const store::Migration> sqlite_migrations() { return migrations; }

Status check_schema(store::Database& db, const std::string& path, std::span<const store::Migration> known,
                    std::int32_t application_id) {
  SOTTO_TRY_ASSIGN(const auto application, db.one<std::int32_t>("PRAGMA application_id"));
  if (application != application_id) return Error(ErrorCode::CORRUPT, path + " is no store of a relay");
  SOTTO_TRY_ASSIGN(const int version, store::schema_version(db));
  if (version > known.back().version) return ErrorCode::NEWER_SCHEMA;
  return {};
}

}  // namespace sotto::relay
