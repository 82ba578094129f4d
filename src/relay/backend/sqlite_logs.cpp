// The logs of SqliteStore: tables log_entry and log_snapshot, and what is young.
#include <algorithm>
#include <bit>

#include "base/try.h"
#include "relay/backend/sqlite_store.h"

namespace sotto::relay {

namespace {

/// About 2 MB.
constexpr std::size_t ends_kept = 20'000;

/// Snapshots are stored with up to 1/16 of padding, since SQLite writes a row of unchanged length in place: 25 KiB of
/// WAL instead of 42 for one of 20 KiB.
std::size_t padded_size(std::size_t size) {
  const std::size_t step = std::max<std::size_t>(64, std::bit_ceil(size) / 16);
  return (size + step - 1) / step * step;
}

}  // namespace

Result<std::optional<std::uint64_t>> SqliteStore::snapshot_seq(const LogId& log) {
  return db_->one<std::uint64_t>("SELECT seq FROM log_snapshot WHERE log_id = ?", log);
}

Result<SqliteStore::Ends*> SqliteStore::ends(const LogId& log) {
  if (const auto known = ends_.find(log); known != ends_.end()) return &known->second;
  SOTTO_TRY_ASSIGN(const auto row, db_->one<std::uint64_t>(
                                       "SELECT seq FROM log_entry WHERE log_id = ? ORDER BY seq DESC LIMIT 1", log));
  Ends out{row.value_or(0), row.value_or(0)};
  if (const auto young = young_.range(log)) {
    out.last = young->second;
  } else if (!row) {
    SOTTO_TRY_ASSIGN(const auto snapshot, snapshot_seq(log));
    out.last = snapshot.value_or(0);
  }
  // All at once is simpler than one by one, and as rare as a query more matters little.
  if (ends_.size() >= ends_kept) ends_.clear();
  return &(ends_[log] = out);
}

Result<std::uint64_t> SqliteStore::append(const LogId& log, std::uint64_t expected_last, ByteView record) {
  SOTTO_TRY_ASSIGN(auto* const at, ends(log));
  if (at->last != expected_last || at->last == most_number) {
    refused_.insert(log);
    return ErrorCode::CONFLICT;
  }
  ++at->last;
  young_.append(log, at->last, record);
  ++totals_.entries;
  return at->last;
}

Result<std::vector<LogRecord>> SqliteStore::read(const LogId& log, std::uint64_t from, std::size_t limit,
                                                 std::size_t max_bytes) {
  std::vector<LogRecord> out;
  if (from > most_number || limit == 0) return out;
  std::size_t bytes = 0;
  const auto take = [&](std::uint64_t seq, ByteView data) {
    if (!out.empty() && (bytes >= max_bytes || data.size() > max_bytes - bytes)) return false;
    bytes += data.size();
    out.push_back({seq, to_bytes(data)});
    return out.size() < limit;
  };
  bool more = true;
  SOTTO_TRY_ASSIGN(const auto* const at, ends(log));
  if (at->last_row >= from) {
    SOTTO_TRY(db_->query(
        "SELECT seq, data FROM log_entry WHERE log_id = ? AND seq >= ? ORDER BY seq", log, from,
        [&](const store::Row& row) { return more = take(row.get<std::uint64_t>(0), row.get<ByteView>(1)); }));
  }
  if (const auto young = young_.range(log)) {
    for (auto seq = std::max(from, young->first); more && seq <= young->second; ++seq) {
      more = take(seq, young_.at(log, seq));
    }
  }
  return out;
}

Status SqliteStore::trim(const LogId& log, std::uint64_t up_to) {
  if (refused_.contains(log)) return ErrorCode::CONFLICT;
  SOTTO_TRY_ASSIGN(const auto covered, snapshot_seq(log));
  if (up_to > covered.value_or(0)) return Error(ErrorCode::INVALID_ARGUMENT, "a snapshot must cover what is trimmed");
  SOTTO_TRY_ASSIGN(auto* const at, ends(log));
  if (at->last_row > 0) {
    SOTTO_TRY(db_->run("DELETE FROM log_entry WHERE log_id = ? AND seq <= ?", log, up_to));
    residue_ = residue_ || db_->changes() > 0;
    totals_.entries -= static_cast<std::uint64_t>(db_->changes());
    if (up_to >= at->last_row) at->last_row = 0;
  }
  if (const auto young = young_.trim(log, up_to); young > 0) {
    totals_.entries -= young;
    SOTTO_TRY(db_->run("UPDATE log_snapshot SET trimmed = ? WHERE log_id = ?", up_to, log));
  }
  return {};
}

Status SqliteStore::snapshot(const LogId& log, std::uint64_t seq, ByteView bytes) {
  if (refused_.contains(log)) return ErrorCode::CONFLICT;
  SOTTO_TRY_ASSIGN(const auto* const at, ends(log));
  if (seq > at->last) return Error(ErrorCode::INVALID_ARGUMENT, "a snapshot of entries that are not there");
  SOTTO_TRY_ASSIGN(const auto stored,
                   (db_->one<std::uint64_t, std::size_t, std::uint64_t>(
                       "SELECT seq, length(data), trimmed FROM log_snapshot WHERE log_id = ?", log)));
  if (stored && seq < std::get<0>(*stored)) return {};
  Bytes padded = to_bytes(bytes);
  padded.resize(padded_size(bytes.size()));
  if (stored && std::get<1>(*stored) == padded.size()) {
    return db_->run("UPDATE log_snapshot SET seq = ?, size = ?, data = ? WHERE log_id = ?", seq, bytes.size(), padded,
                    log);
  }
  // In this order the new row takes the pages of the old one; an upsert would write both.
  SOTTO_TRY(db_->run("DELETE FROM log_snapshot WHERE log_id = ?", log));
  residue_ = residue_ || db_->changes() > 0;
  const auto trimmed = stored ? std::get<2>(*stored) : 0;
  return db_->run("INSERT INTO log_snapshot(log_id, seq, size, data, trimmed) VALUES(?, ?, ?, ?, ?)", log, seq,
                  bytes.size(), padded, trimmed);
}

Result<LogState> SqliteStore::load(const LogId& log) {
  LogState out;
  SOTTO_TRY_ASSIGN(auto snapshot, (db_->one<std::uint64_t, std::size_t, Bytes>(
                                      "SELECT seq, size, data FROM log_snapshot WHERE log_id = ?", log)));
  if (snapshot) {
    std::size_t size = 0;
    std::tie(out.snapshot_seq, size, out.snapshot) = std::move(*snapshot);
    if (size > out.snapshot.size()) return Error(ErrorCode::CORRUPT, "a snapshot is cut off");
    out.snapshot.resize(size);
  }
  SOTTO_TRY_ASSIGN(const auto* const at, ends(log));
  out.last = at->last;
  out.first = at->last + 1;
  if (const auto young = young_.range(log)) out.first = young->first;
  if (at->last_row == 0) return out;
  SOTTO_TRY_ASSIGN(const auto first,
                   db_->one<std::uint64_t>("SELECT seq FROM log_entry WHERE log_id = ? ORDER BY seq LIMIT 1", log));
  out.first = first.value_or(out.first);
  return out;
}

}  // namespace sotto::relay
