// The young entries of SqliteStore: table log_segment.
#include "base/try.h"
#include "relay/backend/sqlite_store.h"

namespace sotto::relay {

namespace {

/// Above this the oldest entries get rows: memory and the time of opening stay bounded.
constexpr std::size_t young_bytes = 64 * 1024 * 1024;
/// Entries that get rows in one call when things are tidied, so that it stays short.
constexpr std::size_t tidied_at_once = 10'000;

}  // namespace

Status SqliteStore::load_young() {
  std::unordered_map<LogId, std::uint64_t> trims;
  SOTTO_TRY(db_->query("SELECT log_id, trimmed FROM log_snapshot WHERE trimmed > 0",
                       [&](const store::Row& row) { trims[row.get<LogId>(0)] = row.get<std::uint64_t>(1); }));
  const auto trimmed = [&](const LogId& log) {
    const auto found = trims.find(log);
    return found == trims.end() ? 0 : found->second;
  };
  SOTTO_TRY(db_->query("SELECT id, data FROM log_segment ORDER BY id", [&](const store::Row& row) -> Status {
    if (young_.load(row.get<std::uint64_t>(0), row.get<Bytes>(1), trimmed)) return {};
    return Error(ErrorCode::CORRUPT, "a segment of log entries is damaged");
  }));
  if (young_.dead().empty()) {
    young_.commit();
    return {};
  }
  SOTTO_TRY(begin(1));
  return commit();
}

Status SqliteStore::store_young() {
  auto bytes = young_.bytes();
  auto segments = young_.segments();
  while (bytes > young_bytes || segments > young_segments_) {
    const auto* oldest = young_.oldest();
    if (oldest == nullptr) break;
    bytes -= oldest->bytes.size();
    --segments;
    SOTTO_TRY(give_rows(*oldest));
  }
  // First what goes, so that its pages are taken for what comes.
  for (const auto id : young_.dead()) {
    SOTTO_TRY(db_->run("DELETE FROM log_segment WHERE id = ?", id));
    residue_ = true;
  }
  for (const auto* segment : young_.appended()) {
    SOTTO_TRY(db_->run("INSERT INTO log_segment(id, data) VALUES(?, ?)", segment->id, segment->bytes));
  }
  return {};
}

Status SqliteStore::give_rows(const YoungEntries::Segment& segment) {
  std::unordered_map<LogId, std::uint64_t> moved;
  SOTTO_TRY(young_.each(segment, [&](const LogId& log, std::uint64_t seq, ByteView record) {
    moved[log] = seq;
    return db_->run("INSERT INTO log_entry(log_id, seq, data) VALUES(?, ?, ?)", log, seq, record);
  }));
  for (const auto& [log, seq] : moved) {
    young_.trim(log, seq);
    if (const auto known = ends_.find(log); known != ends_.end()) known->second.last_row = seq;
  }
  return {};
}

Status SqliteStore::tidy_young() {
  const auto last = young_.last_partly_trimmed();
  if (last == 0) return {};
  SOTTO_TRY(begin(1));
  std::size_t entries = 0;
  // In order, since what is young of a log follows what has rows.
  for (const auto* oldest = young_.oldest(); oldest != nullptr && oldest->id <= last; oldest = young_.oldest()) {
    if (entries >= tidied_at_once) break;
    entries += oldest->live;
    if (Status moved = give_rows(*oldest); !moved.ok()) {
      roll_back();
      return moved;
    }
  }
  SOTTO_TRY(commit());
  if (young_.last_partly_trimmed() != 0) return Error(ErrorCode::UNAVAILABLE, "more entries are to get rows");
  return {};
}

}  // namespace sotto::relay
