// The folder of attachments: what is there, what goes, and the cache's limit.
#include "base/test_hooks.h"
#include "base/try.h"
#include "client/media/media.h"
#include "wire/limits.h"

namespace sotto::client {

Status Media::set_present(MediaRow& row, std::uint64_t total) {
  row.state = MediaState::present;
  row.problem.reset();
  row.fetched = total;
  row.hash_state.reset();
  row.used_at = c_.now_ms();
  retries_.erase(row.id);
  look_ = true;
  return c_.media_rows.update(row);
}

Status Media::tell_present(std::int64_t id) {
  complete(id, Result<void>{});
  SOTTO_TRY(show(id));
  return trim_cache();
}

Status Media::discard(std::int64_t media) {
  discarded_ = true;
  return c_.media_rows.discard(media);
}

Status Media::trim_cache() {
  SOTTO_TRY_ASSIGN(const auto old, c_.media_rows.beyond(c_.media.cache_bytes));
  for (const auto id : old) {
    SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(id));
    if (!row) continue;
    SOTTO_TRY(drop_file(*row));
    SOTTO_TRY(show(id));
  }
  return {};
}

Status Media::drop_file(MediaRow& row) {
  row.state = MediaState::remote;
  row.fetched = 0;
  row.hash_state.reset();
  SOTTO_TRY(c_.media_rows.update(row));
  return discard(row.id);
}

/// Files of rows that are committed as gone. Before anything is begun, since a file's number may be used again.
Status Media::empty_trash() {
  if (!trash_) return {};
  SOTTO_TRY_ASSIGN(const auto files, c_.media_rows.discarded());
  for (const auto id : files) {
    const auto removed = store::File::remove(path_of(id), c_.media.vfs);
    if (!removed.ok()) return {};  // With the next step.
  }
  if (!files.empty()) SOTTO_TRY(c_.media_rows.forget_discarded());
  if (orphans_ && !remove_orphans().ok()) return {};
  trash_ = orphans_ = false;
  return {};
}

/// What came in memory is encrypted before its row is committed. If that never was, nobody knows the key.
Status Media::remove_orphans() {
  if (c_.media.folder.empty()) return {};
  SOTTO_TRY_ASSIGN(auto id, c_.media_rows.last_id());
  // The numbers of one message have gaps where it names files of the app's.
  for (std::size_t missing = 0; missing < wire::limits::attachments_per_message; ++missing) {
    const auto path = path_of(++id);
    const auto file = store::File::open(path, store::File::Mode::read, c_.media.vfs);
    if (!file.ok() && file.code() == ErrorCode::NOT_FOUND) continue;
    SOTTO_TRY(store::File::remove(path, c_.media.vfs));
    SOTTO_RARE(orphan_removed);
    missing = 0;
  }
  return {};
}

}  // namespace sotto::client
