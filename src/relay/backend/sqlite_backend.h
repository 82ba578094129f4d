// The backend of a relay on one machine: an SQLite file, one writer, group commit; blobs as files beside it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/random.h"
#include "relay/backend/queued_backend.h"
#include "relay/backend/store_figures.h"
#include "store/database.h"

namespace sotto::relay {

class SqliteStore;
class SqliteBlobStore;

struct SqliteOptions {
  /// The folder was restored from a backup: the store gets a new incarnation.
  bool restored = false;
  store::Synchronous synchronous = store::Synchronous::full;
  /// How long a run waits for somebody else's lock on the file (a backup tool's) before UNAVAILABLE.
  std::chrono::milliseconds busy_timeout{5000};
  /// Runs whose entries are kept as segments (young_entries.h); those of older ones get rows of their own.
  std::size_t young_segments = 4096;
  /// A registered VFS; empty: the system's.
  std::string vfs;
  /// With a VFS whose files are not the system's, folder and lease are its business.
  store::Sharing sharing = store::Sharing::lease;
  /// Runs, and blobs, are carried out on threads of their own, which call this when `finish` has something to do.
  /// Nothing: `start` does it.
  std::function<void()> on_ready;
};

class SqliteBackend final : public QueuedBackend {
 public:
  /// Opens or makes `data_dir` (mode 0700) and relay.db, blobs.db and blobs/ in it, and holds the write lease. Errors:
  /// IN_USE (a process has it open), NEWER_SCHEMA, CORRUPT, IO_ERROR, DISK_FULL, INVALID_ARGUMENT (an empty name).
  static Result<std::unique_ptr<SqliteBackend>> open(const std::string& data_dir, Random& random,
                                                     const SqliteOptions& options = {});
  /// Drops what is queued, leaves nothing in the WAL, closes.
  ~SqliteBackend() override;

  /// Removes from WAL and file what was trimmed or removed, and gives space back. To be called when idle, and at least
  /// once a minute of activity. Waits for the run under way. Bounded: a file above 4 MiB is not rewritten, so there a
  /// part of a removed record may stay in the unused part of a page until SQLite writes that page anew.
  /// INVALID_ARGUMENT inside a completion.
  Status checkpoint();
  /// Whether `checkpoint` has anything to do.
  [[nodiscard]] bool checkpoint_due() const;
  /// As of the last run that ended.
  [[nodiscard]] StoreTotals totals() const;
  [[nodiscard]] const CommitFigures& commits() const { return commits_; }
  /// Whether the disk takes writes: a megabyte beside the store, since what just failed may have left room in the WAL
  /// for less, and something in it that is not new. Errors: those of a run. Waits for the run under way; not inside a
  /// completion.
  Status probe();
  /// Bytes of the WAL; not while a run is under way.
  [[nodiscard]] std::uint64_t wal_size() const;

 private:
  SqliteBackend(std::shared_ptr<SqliteStore> store, std::shared_ptr<SqliteBlobStore> blobs,
                const std::function<void()>& on_ready);
  void run_ended() override;
  std::shared_ptr<SqliteStore> store_;
  std::shared_ptr<SqliteBlobStore> blobs_;
  /// Copies, since the store may be in use by its thread.
  StoreTotals totals_;
  CommitFigures commits_;
  /// Empty if the folder is the VFS's business.
  std::string folder_;
};

}  // namespace sotto::relay
