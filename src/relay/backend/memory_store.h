// Logs, records and blobs in memory, in place of a disk: it outlives the backend over it, as a disk outlives a process.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "base/random.h"
#include "relay/backend/blob_store.h"
#include "relay/backend/sync_store.h"

namespace sotto::relay {

/// Writes take effect at once; a run that is to fail is refused by `begin`, before it has written anything.
class MemoryStore final : public SyncStore, public BlobStore {
 public:
  explicit MemoryStore(Random& random);

  /// A copy of all that is stored, with a new incarnation: what a restore from a backup gives.
  [[nodiscard]] std::shared_ptr<MemoryStore> restored(Random& random) const;

  /// The n-th write from now on (1: the next) fails, and with it the run that it is in.
  void fail_write(std::size_t n, ErrorCode code) { faults_.write = {n, code}; }
  void fail_next_run(ErrorCode code) { faults_.next_run = code; }
  void fail_all(std::optional<ErrorCode> code) { faults_.all = code; }
  void fail_log_reads(std::optional<ErrorCode> code) { faults_.log_reads = code; }
  /// Writes of runs that did not fail.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

  Status begin(std::size_t writes) override;
  Status commit() override { return {}; }
  void roll_back() override {}

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

  Result<BlobState> blob_begin(const BlobId& blob, const NewBlob& what) override;
  Result<BlobState> blob_write(const BlobId& blob, std::uint64_t offset, ByteView data,
                               std::uint64_t expires_at) override;
  Result<std::optional<BlobState>> blob_state(const BlobId& blob) override;
  Result<BlobState> blob_update(const BlobId& blob, std::uint64_t revision, ByteView meta,
                                std::uint64_t expires_at) override;
  Result<Bytes> blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) override;
  Result<std::size_t> blob_expire(std::uint64_t now, std::size_t limit) override;

  [[nodiscard]] Bytes incarnation() const override { return contents_.incarnation; }

 private:
  struct Log {
    /// The entries from `first` on.
    std::deque<Bytes> entries;
    std::uint64_t first = 1;
    std::uint64_t snapshot_seq = 0;
    Bytes snapshot;
    [[nodiscard]] std::uint64_t last() const { return first + entries.size() - 1; }
  };
  struct Value {
    std::uint64_t revision = 0;
    Bytes bytes;
  };
  struct Blob {
    NewBlob what;
    std::uint64_t revision = 1;
    Bytes bytes;
    [[nodiscard]] BlobState state() const { return {what.size, bytes.size(), revision, what.expires_at, what.meta}; }
  };
  struct Contents {
    Bytes incarnation;
    std::uint64_t last_revision = 0;
    std::map<LogId, Log> logs;
    std::map<RecordKey, Value> records;
    std::map<BlobId, Blob> blobs;
  };
  struct Faults {
    std::optional<std::pair<std::size_t, ErrorCode>> write;
    std::optional<ErrorCode> next_run;
    std::optional<ErrorCode> all;
    std::optional<ErrorCode> log_reads;
  };

  Contents contents_;
  Faults faults_;
  /// Logs that refused an append in this run.
  std::set<LogId> refused_;
  std::uint64_t writes_ = 0;
};

}  // namespace sotto::relay
