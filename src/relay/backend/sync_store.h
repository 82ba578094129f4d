// What a form of the backend stores of logs and records and how, one call at a time. `QueuedBackend` makes the
// asynchronous Backend of it and of a BlobStore.
#pragma once

#include "relay/backend/backend.h"

namespace sotto::relay {

/// The functions mean what those of `Backend` mean; the sizes of keys, records and snapshots were checked before.
/// Calls come between `begin` and `commit` or `roll_back` only, and a call that refuses (CONFLICT, TOO_LARGE,
/// INVALID_ARGUMENT) has written nothing. Any other error of a write means that the storage failed.
class SyncStore {
 public:
  SyncStore() = default;
  SyncStore(const SyncStore&) = delete;
  SyncStore& operator=(const SyncStore&) = delete;
  virtual ~SyncStore() = default;

  /// Begins a run that calls `writes` writing functions; with 0 it only reads.
  virtual Status begin(std::size_t writes) = 0;
  /// Makes the writes of the run durable, all or (on an error) none.
  virtual Status commit() = 0;
  virtual void roll_back() = 0;

  virtual Result<std::uint64_t> append(const LogId& log, std::uint64_t expected_last, ByteView record) = 0;
  virtual Result<std::vector<LogRecord>> read(const LogId& log, std::uint64_t from, std::size_t limit,
                                              std::size_t max_bytes) = 0;
  virtual Status trim(const LogId& log, std::uint64_t up_to) = 0;
  virtual Status snapshot(const LogId& log, std::uint64_t seq, ByteView bytes) = 0;
  virtual Result<LogState> load(const LogId& log) = 0;

  virtual Result<Record> get(const RecordKey& key) = 0;
  virtual Result<std::uint64_t> put(const RecordKey& key, ByteView value,
                                    std::optional<std::uint64_t> expected_revision) = 0;
  virtual Status remove(const RecordKey& key) = 0;
  virtual Result<std::vector<Record>> scan(const RecordKey& prefix, const RecordKey& after, std::size_t limit) = 0;

  [[nodiscard]] virtual Bytes incarnation() const = 0;
};

/// At most this many bytes in a RecordKey.
inline constexpr std::size_t record_key_bytes = 128;
/// SQLite's integers have a sign: no seq, size, time or revision is above this, and none ever comes near.
inline constexpr std::uint64_t most_number = INT64_MAX;

}  // namespace sotto::relay
