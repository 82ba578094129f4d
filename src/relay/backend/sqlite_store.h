// Logs and records in one SQLite file.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <unordered_map>

#include "base/random.h"
#include "relay/backend/store_figures.h"
#include "relay/backend/sync_store.h"
#include "relay/backend/young_entries.h"
#include "store/transaction.h"

namespace sotto::relay {

class SqliteStore final : public SyncStore {
 public:
  /// Takes the tables over; makes them if the file is new. With `restored` the store gets a new incarnation.
  static Result<std::shared_ptr<SqliteStore>> open(std::unique_ptr<store::Database> db, Random& random, bool restored,
                                                   std::size_t young_segments);

  Status begin(std::size_t writes) override;
  Status commit() override;
  void roll_back() override;

  Result<std::uint64_t> append(const LogId& log, std::uint64_t expected_last, ByteView record) override;
  Result<std::vector<LogRecord>> read(const LogId& log, std::uint64_t from, std::size_t limit,
                                      std::size_t max_bytes) override;
  Status trim(const LogId& log, std::uint64_t up_to) override;
  Status snapshot(const LogId& log, std::uint64_t seq, ByteView bytes) override;
  Result<LogState> load(const LogId& log) override;

  Result<Record> get(const RecordKey& key) override;
  Result<std::uint64_t> put(const RecordKey& key, ByteView value,
                            std::optional<std::uint64_t> expected_revision) override;
  Status remove(const RecordKey& key) override;
  Result<std::vector<Record>> scan(const RecordKey& prefix, const RecordKey& after, std::size_t limit) override;

  [[nodiscard]] Bytes incarnation() const override { return incarnation_; }

  [[nodiscard]] const StoreTotals& totals() const { return totals_; }
  [[nodiscard]] const CommitFigures& commits() const { return commits_; }
  /// Writes something, and nothing new: whether the disk takes it. Not between `begin` and `commit`.
  Status probe();

  [[nodiscard]] std::uint64_t wal_size() const { return db_->wal_size(); }
  /// Leaves nothing in the WAL, gives free pages back to the file system, and rewrites a file of at most
  /// `rewrite_bytes` if something was removed since it was last rewritten. Not between `begin` and `commit`.
  /// UNAVAILABLE if there is more to do than one call should take, or a reader is in the way: call again.
  Status clean_up(std::uint64_t rewrite_bytes);
  /// `clean_up` left some to be done.
  [[nodiscard]] bool untidy() const { return untidy_; }

 private:
  SqliteStore(std::unique_ptr<store::Database> db, std::size_t young_segments)
      : db_(std::move(db)), young_segments_(young_segments) {}
  Status load_identity(Random& random, bool restored);
  Status count_all();
  void write_ended(bool well);

  /// The last seqs of a log: of all, and of what has rows (0: none has).
  struct Ends {
    std::uint64_t last = 0;
    std::uint64_t last_row = 0;
  };
  /// From memory, if it was asked for or moved lately: the lease keeps everybody else from writing. Good until the next
  /// call.
  Result<Ends*> ends(const LogId& log);
  Result<std::optional<std::uint64_t>> snapshot_seq(const LogId& log);

  Status load_young();
  /// Part of a commit: what was appended becomes a segment, and those of which nothing is left go.
  Status store_young();
  /// Gives what is left of the oldest segment rows of its own.
  Status give_rows(const YoungEntries::Segment& segment);
  /// Of segments of which a part was trimmed nothing stays. UNAVAILABLE if there is more to do.
  Status tidy_young();

  std::unique_ptr<store::Database> db_;
  std::optional<store::Transaction> transaction_;
  Bytes incarnation_;
  /// May run ahead of the stored one after a roll back; that only leaves numbers unused.
  std::uint64_t last_revision_ = 0;
  bool revision_moved_ = false;
  /// Of logs that were looked at or appended to; all are forgotten when a run was not stored.
  std::unordered_map<LogId, Ends> ends_;
  YoungEntries young_;
  const std::size_t young_segments_;
  /// Logs that refused an append in this run: who asked for that does not know them.
  std::set<LogId> refused_;
  /// Whether something was removed of which a page may still hold a part. A process before may have left it so.
  bool residue_ = true;
  bool untidy_ = false;

  StoreTotals totals_;
  CommitFigures commits_;
  /// Of the run that writes: its writes (0: none), its begin, and the totals before it.
  std::size_t writes_ = 0;
  std::chrono::steady_clock::time_point began_;
  StoreTotals totals_before_;
};

}  // namespace sotto::relay
