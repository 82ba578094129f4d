#include "relay/backend/queued_backend.h"

#include <algorithm>
#include <iterator>

#include "base/try.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

Error too_large(const char* what) { return {ErrorCode::TOO_LARGE, what}; }
Error invalid_argument(const char* what) { return {ErrorCode::INVALID_ARGUMENT, what}; }

bool key_fits(const RecordKey& key) { return !key.empty() && key.size() <= record_key_bytes; }
constexpr const char* bad_key = "a record's key has 1 to 128 bytes";

}  // namespace

template <typename Store>
template <typename T>
void QueuedBackend::Lane<Store>::enqueue(Kind kind, std::function<Result<T>(Store&)> work, Done<T> done) {
  queue.push_back(std::make_unique<TypedOperation<Store, T>>(kind, std::move(work), std::move(done)));
}

template <typename Store>
template <typename T>
void QueuedBackend::Lane<Store>::refuse(Error why, Done<T> done) {
  enqueue<T>(
      Kind::read, [why = std::move(why)](Store&) -> Result<T> { return why; }, std::move(done));
}

template <typename Store>
void QueuedBackend::Lane<Store>::collect() {
  if (thread) std::ranges::move(thread->collect(), std::back_inserter(ended));
}

template <typename Store>
void QueuedBackend::Lane<Store>::complete() {
  for (const auto& operation : std::exchange(ended, {})) operation->complete();
}

QueuedBackend::QueuedBackend(std::shared_ptr<SyncStore> store, std::shared_ptr<BlobStore> blobs,
                             const std::function<void()>& on_ready) {
  main_.store = std::move(store);
  blobs_.store = std::move(blobs);
  if (!on_ready) return;
  main_.thread = std::make_unique<StoreThread<SyncStore>>(main_.store, on_ready);
  blobs_.thread = std::make_unique<StoreThread<BlobStore>>(blobs_.store, on_ready);
}
QueuedBackend::~QueuedBackend() = default;

Bytes QueuedBackend::incarnation() const { return main_.store->incarnation(); }

bool QueuedBackend::idle() const {
  return main_.queue.empty() && !under_way_ && blobs_.queue.empty() && blobs_.ended.empty() &&
         (!blobs_.thread || !blobs_.thread->ready());
}

// ---- Logs

void QueuedBackend::append(const LogId& log, std::uint64_t expected_last, Bytes record, Done<std::uint64_t> done) {
  if (record.size() > wire::limits::record_bytes) return main_.refuse(too_large("a log record"), std::move(done));
  main_.enqueue<std::uint64_t>(
      Kind::write,
      [log, expected_last, record = std::move(record)](SyncStore& s) { return s.append(log, expected_last, record); },
      std::move(done));
}

void QueuedBackend::read(const LogId& log, std::uint64_t from, std::size_t limit, std::size_t max_bytes,
                         Done<std::vector<LogRecord>> done) {
  main_.enqueue<std::vector<LogRecord>>(
      Kind::read, [=](SyncStore& s) { return s.read(log, from, limit, max_bytes); }, std::move(done));
}

void QueuedBackend::trim(const LogId& log, std::uint64_t up_to, Done<void> done) {
  main_.enqueue<void>(
      Kind::write, [=](SyncStore& s) { return s.trim(log, up_to); }, std::move(done));
}

void QueuedBackend::snapshot(const LogId& log, std::uint64_t seq, Bytes bytes, Done<void> done) {
  if (bytes.size() > wire::limits::record_bytes) return main_.refuse(too_large("a snapshot"), std::move(done));
  main_.enqueue<void>(
      Kind::write, [log, seq, bytes = std::move(bytes)](SyncStore& s) { return s.snapshot(log, seq, bytes); },
      std::move(done));
}

void QueuedBackend::load(const LogId& log, Done<LogState> done) {
  main_.enqueue<LogState>(
      Kind::read, [=](SyncStore& s) { return s.load(log); }, std::move(done));
}

// ---- Records

void QueuedBackend::get(RecordKey key, Done<Record> done) {
  if (!key_fits(key)) return main_.refuse(invalid_argument(bad_key), std::move(done));
  main_.enqueue<Record>(
      Kind::read, [key = std::move(key)](SyncStore& s) { return s.get(key); }, std::move(done));
}

void QueuedBackend::put(RecordKey key, Bytes value, std::optional<std::uint64_t> expected_revision,
                        Done<std::uint64_t> done) {
  if (!key_fits(key)) return main_.refuse(invalid_argument(bad_key), std::move(done));
  if (value.size() > wire::limits::record_bytes) return main_.refuse(too_large("a record"), std::move(done));
  main_.enqueue<std::uint64_t>(
      Kind::write,
      [key = std::move(key), value = std::move(value), expected_revision](SyncStore& s) {
        return s.put(key, value, expected_revision);
      },
      std::move(done));
}

void QueuedBackend::remove(RecordKey key, Done<void> done) {
  if (!key_fits(key)) return main_.refuse(invalid_argument(bad_key), std::move(done));
  main_.enqueue<void>(
      Kind::write, [key = std::move(key)](SyncStore& s) { return s.remove(key); }, std::move(done));
}

void QueuedBackend::scan(RecordKey prefix, RecordKey after, std::size_t limit, Done<std::vector<Record>> done) {
  if (prefix.size() > record_key_bytes || after.size() > record_key_bytes) {
    return main_.refuse(invalid_argument(bad_key), std::move(done));
  }
  main_.enqueue<std::vector<Record>>(
      Kind::read,
      [prefix = std::move(prefix), after = std::move(after), limit](SyncStore& s) {
        return s.scan(prefix, after, limit);
      },
      std::move(done));
}

// ---- Blobs

void QueuedBackend::blob_begin(const BlobId& blob, NewBlob what, Done<BlobState> done) {
  if (what.size > most_number || what.expires_at > most_number || what.owner_bytes > most_number ||
      what.meta.size() > blob_meta_bytes || what.owner.size() > blob_owner_bytes) {
    return blobs_.refuse(too_large("a blob"), std::move(done));
  }
  if (what.size == 0) return blobs_.refuse(invalid_argument("a blob of no bytes"), std::move(done));
  blobs_.enqueue<BlobState>(
      Kind::write, [blob, what = std::move(what)](BlobStore& s) { return s.blob_begin(blob, what); }, std::move(done));
}

void QueuedBackend::blob_write(const BlobId& blob, std::uint64_t offset, Bytes data, std::uint64_t expires_at,
                               Done<BlobState> done) {
  if (data.size() > blob_part_bytes || expires_at > most_number) {
    return blobs_.refuse(too_large("a part of a blob"), std::move(done));
  }
  blobs_.enqueue<BlobState>(
      Kind::write,
      [blob, offset, data = std::move(data), expires_at](BlobStore& s) {
        return s.blob_write(blob, offset, data, expires_at);
      },
      std::move(done));
}

void QueuedBackend::blob_state(const BlobId& blob, Done<std::optional<BlobState>> done) {
  blobs_.enqueue<std::optional<BlobState>>(
      Kind::read, [=](BlobStore& s) { return s.blob_state(blob); }, std::move(done));
}

void QueuedBackend::blob_update(const BlobId& blob, std::uint64_t revision, Bytes meta, std::uint64_t expires_at,
                                Done<BlobState> done) {
  if (meta.size() > blob_meta_bytes || expires_at > most_number) {
    return blobs_.refuse(too_large("a blob's meta"), std::move(done));
  }
  blobs_.enqueue<BlobState>(
      Kind::write,
      [blob, revision, meta = std::move(meta), expires_at](BlobStore& s) {
        return s.blob_update(blob, revision, meta, expires_at);
      },
      std::move(done));
}

void QueuedBackend::blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit, Done<Bytes> done) {
  blobs_.enqueue<Bytes>(
      Kind::read, [=](BlobStore& s) { return s.blob_read(blob, offset, std::min(limit, blob_part_bytes)); },
      std::move(done));
}

void QueuedBackend::blob_expire(std::uint64_t now, std::size_t limit, Done<std::size_t> done) {
  blobs_.enqueue<std::size_t>(
      Kind::write, [=](BlobStore& s) { return s.blob_expire(std::min(now, most_number), limit); }, std::move(done));
}

// ---- The run

void QueuedBackend::start() {
  if (completing_) return;
  if (!under_way_ && !main_.queue.empty()) {
    under_way_ = true;
    waiting_run_ = std::exchange(main_.queue, {});
    if (main_.thread) {
      main_.thread->submit(std::exchange(waiting_run_, {}));
    } else if (!deferred_) {
      carry_out();
    }
  }
  if (blobs_.queue.empty()) return;
  auto operations = std::exchange(blobs_.queue, {});
  if (blobs_.thread) return blobs_.thread->submit(std::move(operations));
  relay::carry_out(*blobs_.store, operations);
  std::ranges::move(operations, std::back_inserter(blobs_.ended));
}

void QueuedBackend::carry_out() {
  if (waiting_run_.empty()) return;
  relay::carry_out(*main_.store, waiting_run_);
  main_.ended = std::exchange(waiting_run_, {});
}

bool QueuedBackend::finish() {
  if (completing_) return false;
  completing_ = true;
  main_.collect();
  blobs_.collect();
  if (under_way_ && !main_.ended.empty()) {
    under_way_ = false;
    run_ended();
    main_.complete();
  }
  blobs_.complete();
  completing_ = false;
  return !under_way_;
}

void QueuedBackend::wait() {
  carry_out();
  if (main_.thread) main_.thread->wait();
}

void QueuedBackend::end_threads() {
  main_.thread.reset();
  blobs_.thread.reset();
}

void QueuedBackend::fail_writes(const Error& error) {
  // Not std::ranges, whose form of it clang 14 does not take from this library.
  const auto writes =
      std::stable_partition(main_.queue.begin(), main_.queue.end(), [](const auto& it) { return !it->writes(); });
  Operations<SyncStore> failing(std::make_move_iterator(writes), std::make_move_iterator(main_.queue.end()));
  main_.queue.erase(writes, main_.queue.end());
  completing_ = true;
  for (const auto& operation : failing) {
    operation->fail(error);
    operation->complete();
  }
  completing_ = false;
}

}  // namespace sotto::relay
