#include "sim/stored_entries.h"

#include "relay/backend/young_entries.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {

void check(const Status& status) {
  if (!status.ok()) violated("the relay's store can be opened after any failure", status.error().message);
}

}  // namespace

StoredEntries stored_entries(store::Database& db) {
  StoredEntries out;
  check(db.query("SELECT log_id, seq, data FROM log_entry", [&](const store::Row& row) {
    out[row.get<ChatId>(0)][row.get<std::uint64_t>(1)] = row.get<Bytes>(2);
  }));
  std::map<ChatId, std::uint64_t> trimmed;
  check(db.query("SELECT log_id, trimmed FROM log_snapshot",
                 [&](const store::Row& row) { trimmed[row.get<ChatId>(0)] = row.get<std::uint64_t>(1); }));
  check(db.query("SELECT data FROM log_segment", [&](const store::Row& row) -> Status {
    relay::YoungEntries::Segment segment;
    segment.bytes = row.get<Bytes>(0);
    std::size_t at = 0;
    while (const auto entry = relay::YoungEntries::parse(segment, at)) {
      if (entry->seq > trimmed[entry->log]) out[entry->log][entry->seq] = to_bytes(entry->record);
    }
    if (at != segment.bytes.size()) return Error(ErrorCode::CORRUPT, "a segment is damaged");
    return {};
  }));
  return out;
}

}  // namespace sotto::sim
