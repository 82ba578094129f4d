// What the relay core needs of a storage: logs, records and blobs, each plain enough for SQLite, a replicated stream or
// whatever passes the conformance suite (tests/unit/relay/backend).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::relay {

/// Names a log: a chatId.
using LogId = ChatId;
/// Names a record: bytes, ordered bytewise for `scan`. At most 128 bytes.
using RecordKey = Bytes;
/// Names a blob.
using BlobId = Id<struct BlobTag>;

struct LogRecord {
  std::uint64_t seq = 0;
  Bytes data;
};

/// A log's newest snapshot and ends. A log that was never written has last = 0, first = 1 and an empty snapshot.
struct LogState {
  /// The last seq ever appended.
  std::uint64_t last = 0;
  /// The first seq that is still stored; last + 1 if none is.
  std::uint64_t first = 1;
  std::uint64_t snapshot_seq = 0;
  Bytes snapshot;
};

struct Record {
  RecordKey key;
  Bytes value;
  /// Grows with each put of this key; 0 is "does not exist".
  std::uint64_t revision = 0;
};

/// A blob as it is announced.
struct NewBlob {
  std::uint64_t size = 0;
  /// SHA-256 of its bytes.
  crypto::Sha256Digest hash;
  /// The core's own; at most 64 KiB.
  Bytes meta;
  /// Whose quota it counts against, and what all blobs of this owner may have together.
  Bytes owner;
  std::uint64_t owner_bytes = 0;
  /// Milliseconds since 1970.
  std::uint64_t expires_at = 0;
};

struct BlobState {
  std::uint64_t size = 0;
  /// Equal to the size once all is there and has the hash that was announced.
  std::uint64_t received = 0;
  /// Grows with each `blob_update`.
  std::uint64_t revision = 0;
  std::uint64_t expires_at = 0;
  Bytes meta;
  [[nodiscard]] bool finished() const { return received == size; }
};

/// An asynchronous store. All calls and all completions happen on one thread, the core's.
///
/// A call only queues work. `start` begins a run: what is queued is carried out in the order of the calls, durably, as
/// one transaction; there is one run at a time, and what is called for meanwhile is queued for the next one. `finish`
/// calls the completions of a run that has ended, in the order of the calls, each exactly once; completions may queue
/// more work. A read sees the writes that were called for before it. Blobs have an order of their own beside that of
/// logs and records, so that large files never delay a message: they begin with `start`, too, and are completed by
/// whichever `finish` comes after. If the storage fails, the writes of the run that are not stored complete with
/// IO_ERROR, DISK_FULL or UNAVAILABLE, and nothing of them is stored. A failed condition is CONFLICT and harms no other
/// call, but that a log which refused an append takes no snapshot and no trim in the same run: whoever asked for it was
/// mistaken about the log. A backend that is destroyed drops its queue without calling anything.
class Backend {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // ---- Logs

  /// Appends iff the log's last seq is `expected_last`; gives expected_last + 1. Errors: CONFLICT, TOO_LARGE (512 KiB).
  virtual void append(const LogId& log, std::uint64_t expected_last, Bytes record, Done<std::uint64_t> done) = 0;
  /// Records from seq `from` on, at most `limit` and at most about `max_bytes` (at least one if there is one).
  virtual void read(const LogId& log, std::uint64_t from, std::size_t limit, std::size_t max_bytes,
                    Done<std::vector<LogRecord>> done) = 0;
  /// Removes the records up to `up_to`. Only what a snapshot covers may be trimmed: INVALID_ARGUMENT otherwise.
  virtual void trim(const LogId& log, std::uint64_t up_to, Done<void> done) = 0;
  /// Replaces the snapshot by one that stands for everything up to `seq`. Older ones than the stored are ignored.
  virtual void snapshot(const LogId& log, std::uint64_t seq, Bytes bytes, Done<void> done) = 0;
  virtual void load(const LogId& log, Done<LogState> done) = 0;

  // ---- Records

  /// The record, or one with revision 0.
  virtual void get(RecordKey key, Done<Record> done) = 0;
  /// Writes iff the stored revision is `expected_revision` (0: must not exist; nothing: whatever it is); gives the new
  /// revision. Errors: CONFLICT, TOO_LARGE (512 KiB).
  virtual void put(RecordKey key, Bytes value, std::optional<std::uint64_t> expected_revision,
                   Done<std::uint64_t> done) = 0;
  /// Removes the record if it is there.
  virtual void remove(RecordKey key, Done<void> done) = 0;
  /// Records whose key begins with `prefix` and is greater than `after` (empty: from the first), at most `limit`.
  virtual void scan(RecordKey prefix, RecordKey after, std::size_t limit, Done<std::vector<Record>> done) = 0;

  // ---- Blobs

  /// Announces a blob; one of this id with the same size and hash that is there already is gone on with, and lives at
  /// least as long as is asked for now. Errors: CONFLICT (another size or hash), LIMIT_EXCEEDED (the owner's quota),
  /// TOO_LARGE.
  virtual void blob_begin(const BlobId& blob, NewBlob what, Done<BlobState> done) = 0;
  /// Appends at `offset`, which must be what was received so far (CONFLICT); beyond the size: TOO_LARGE. With the last
  /// byte the hash is checked: BAD_SIGNATURE, and the blob is gone, if it is another. That the last part was taken is
  /// durable; of parts before, an interrupted upload may have lost some. It lives at least until `expires_at`.
  virtual void blob_write(const BlobId& blob, std::uint64_t offset, Bytes data, std::uint64_t expires_at,
                          Done<BlobState> done) = 0;
  virtual void blob_state(const BlobId& blob, Done<std::optional<BlobState>> done) = 0;
  /// Gives it another meta and lifetime, iff its revision is this one (CONFLICT). NOT_FOUND if there is none.
  virtual void blob_update(const BlobId& blob, std::uint64_t revision, Bytes meta, std::uint64_t expires_at,
                           Done<BlobState> done) = 0;
  /// A range of a finished blob, cut at its end. NOT_FOUND if there is none.
  virtual void blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit, Done<Bytes> done) = 0;
  /// Removes blobs whose time is over, at most `limit`; gives how many.
  virtual void blob_expire(std::uint64_t now, std::size_t limit, Done<std::size_t> done) = 0;

  // ---- The store

  /// Random id of this store, made when it was created and anew when it is restored from a backup.
  virtual Bytes incarnation() const = 0;
  /// Whether nothing is queued, no run is under way, and no completion is due.
  virtual bool idle() const = 0;
  /// Begins a run of what is queued, unless one is under way or this is called by a completion.
  virtual void start() = 0;
  /// False while the run that was begun is under way; else its completions were called. Does nothing inside of one.
  virtual bool finish() = 0;
  /// Waits until the run under way has ended.
  virtual void wait() = 0;
  /// The queued writes of logs and records are not carried out: they complete with this error, now.
  virtual void fail_writes(const Error& error) = 0;
  /// All of it, for who has nothing else to do meanwhile.
  void run() {
    start();
    wait();
    static_cast<void>(finish());
  }
};

}  // namespace sotto::relay
