#include "relay/backend/queued_backend.h"

#include <algorithm>

#include "base/try.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

/// Whether the store said no, rather than failed.
bool is_refusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::CONFLICT:
    case ErrorCode::TOO_LARGE:
    case ErrorCode::INVALID_ARGUMENT:
    case ErrorCode::NOT_FOUND:
    case ErrorCode::BAD_SIGNATURE:
      return true;
    default:
      return false;
  }
}

/// What the core is told of a failed storage: one of three codes, the cause in the message.
Error storage_error(const Error& cause) {
  switch (cause.code) {
    case ErrorCode::IO_ERROR:
    case ErrorCode::DISK_FULL:
    case ErrorCode::UNAVAILABLE:
      return cause;
    case ErrorCode::IN_USE:
      return {ErrorCode::UNAVAILABLE, cause.message};
    default:
      return {ErrorCode::IO_ERROR, std::string(error_name(cause.code)) + ": " + cause.message};
  }
}

Error too_large(const char* what) { return {ErrorCode::TOO_LARGE, what}; }
Error invalid(const char* what) { return {ErrorCode::INVALID_ARGUMENT, what}; }

bool key_fits(const RecordKey& key) { return !key.empty() && key.size() <= record_key_bytes; }
constexpr const char* bad_key = "a record's key has 1 to 128 bytes";

}  // namespace

class QueuedBackend::Operation {
 public:
  explicit Operation(Kind kind) : kind_(kind) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  [[nodiscard]] bool writes() const { return kind_ == Kind::write; }
  /// An error only if the storage failed.
  virtual Status execute(SyncStore& store) = 0;
  virtual void fail(const Error& error) = 0;
  virtual void complete() = 0;

 private:
  Kind kind_;
};

template <typename T>
class QueuedBackend::TypedOperation final : public Operation {
 public:
  TypedOperation(Kind kind, std::function<Result<T>(SyncStore&)> work, Done<T> done)
      : Operation(kind), work_(std::move(work)), done_(std::move(done)) {}

  Status execute(SyncStore& store) override {
    result_.emplace(work_(store));
    if (result_->ok() || is_refusal(result_->error().code)) return {};
    result_.emplace(storage_error(result_->error()));
    return result_->error();
  }
  void fail(const Error& error) override { result_.emplace(error); }
  void complete() override {
    if (done_) done_(std::move(*result_));
  }

 private:
  std::function<Result<T>(SyncStore&)> work_;
  Done<T> done_;
  std::optional<Result<T>> result_;
};

QueuedBackend::QueuedBackend(std::shared_ptr<SyncStore> store) : store_(std::move(store)) {}
QueuedBackend::~QueuedBackend() = default;

template <typename T>
void QueuedBackend::enqueue(Kind kind, std::function<Result<T>(SyncStore&)> work, Done<T> done) {
  queue_.push_back(std::make_unique<TypedOperation<T>>(kind, std::move(work), std::move(done)));
}

template <typename T>
void QueuedBackend::refuse(Error why, Done<T> done) {
  enqueue<T>(
      Kind::read, [why = std::move(why)](SyncStore&) -> Result<T> { return why; }, std::move(done));
}

// ---- Logs

void QueuedBackend::append(const LogId& log, std::uint64_t expected_last, Bytes record, Done<std::uint64_t> done) {
  if (record.size() > wire::limits::record_bytes) return refuse(too_large("a log record"), std::move(done));
  enqueue<std::uint64_t>(
      Kind::write,
      [log, expected_last, record = std::move(record)](SyncStore& s) { return s.append(log, expected_last, record); },
      std::move(done));
}

void QueuedBackend::read(const LogId& log, std::uint64_t from, std::size_t limit, std::size_t max_bytes,
                         Done<std::vector<LogRecord>> done) {
  enqueue<std::vector<LogRecord>>(
      Kind::read, [=](SyncStore& s) { return s.read(log, from, limit, max_bytes); }, std::move(done));
}

void QueuedBackend::trim(const LogId& log, std::uint64_t up_to, Done<void> done) {
  enqueue<void>(
      Kind::write, [=](SyncStore& s) { return s.trim(log, up_to); }, std::move(done));
}

void QueuedBackend::snapshot(const LogId& log, std::uint64_t seq, Bytes bytes, Done<void> done) {
  if (bytes.size() > wire::limits::record_bytes) return refuse(too_large("a snapshot"), std::move(done));
  enqueue<void>(
      Kind::write, [log, seq, bytes = std::move(bytes)](SyncStore& s) { return s.snapshot(log, seq, bytes); },
      std::move(done));
}

void QueuedBackend::load(const LogId& log, Done<LogState> done) {
  enqueue<LogState>(
      Kind::read, [=](SyncStore& s) { return s.load(log); }, std::move(done));
}

// ---- Records

void QueuedBackend::get(RecordKey key, Done<Record> done) {
  if (!key_fits(key)) return refuse(invalid(bad_key), std::move(done));
  enqueue<Record>(
      Kind::read, [key = std::move(key)](SyncStore& s) { return s.get(key); }, std::move(done));
}

void QueuedBackend::put(RecordKey key, Bytes value, std::optional<std::uint64_t> expected_revision,
                        Done<std::uint64_t> done) {
  if (!key_fits(key)) return refuse(invalid(bad_key), std::move(done));
  if (value.size() > wire::limits::record_bytes) return refuse(too_large("a record"), std::move(done));
  enqueue<std::uint64_t>(
      Kind::write,
      [key = std::move(key), value = std::move(value), expected_revision](SyncStore& s) {
        return s.put(key, value, expected_revision);
      },
      std::move(done));
}

void QueuedBackend::remove(RecordKey key, Done<void> done) {
  if (!key_fits(key)) return refuse(invalid(bad_key), std::move(done));
  enqueue<void>(
      Kind::write, [key = std::move(key)](SyncStore& s) { return s.remove(key); }, std::move(done));
}

void QueuedBackend::scan(RecordKey prefix, RecordKey after, std::size_t limit, Done<std::vector<Record>> done) {
  if (prefix.size() > record_key_bytes || after.size() > record_key_bytes) {
    return refuse(invalid(bad_key), std::move(done));
  }
  enqueue<std::vector<Record>>(
      Kind::read,
      [prefix = std::move(prefix), after = std::move(after), limit](SyncStore& s) {
        return s.scan(prefix, after, limit);
      },
      std::move(done));
}

// ---- Blobs

void QueuedBackend::blob_begin(const BlobId& blob, std::uint64_t size, Bytes meta, Done<BlobState> done) {
  if (size > static_cast<std::uint64_t>(INT64_MAX) || meta.size() > blob_part_bytes) {
    return refuse(too_large("a blob"), std::move(done));
  }
  enqueue<BlobState>(
      Kind::write, [blob, size, meta = std::move(meta)](SyncStore& s) { return s.blob_begin(blob, size, meta); },
      std::move(done));
}

void QueuedBackend::blob_write(const BlobId& blob, std::uint64_t offset, Bytes data, Done<BlobState> done) {
  if (data.size() > blob_part_bytes) return refuse(too_large("a part of a blob"), std::move(done));
  enqueue<BlobState>(
      Kind::write, [blob, offset, data = std::move(data)](SyncStore& s) { return s.blob_write(blob, offset, data); },
      std::move(done));
}

void QueuedBackend::blob_finish(const BlobId& blob, const crypto::Sha256Digest& hash, Done<void> done) {
  enqueue<void>(
      Kind::write, [=](SyncStore& s) { return s.blob_finish(blob, hash); }, std::move(done));
}

void QueuedBackend::blob_state(const BlobId& blob, Done<std::optional<BlobState>> done) {
  enqueue<std::optional<BlobState>>(
      Kind::read, [=](SyncStore& s) { return s.blob_state(blob); }, std::move(done));
}

void QueuedBackend::blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit, Done<Bytes> done) {
  enqueue<Bytes>(
      Kind::read, [=](SyncStore& s) { return s.blob_read(blob, offset, limit); }, std::move(done));
}

void QueuedBackend::blob_remove(const BlobId& blob, Done<void> done) {
  enqueue<void>(
      Kind::write, [=](SyncStore& s) { return s.blob_remove(blob); }, std::move(done));
}

// ---- The run

void QueuedBackend::run() {
  if (running_) return;
  running_ = true;
  ++run_number_;
  if (!queue_.empty()) {
    Operations operations = std::exchange(queue_, {});
    carry_out(operations);
    results_.push_back({run_number_ + delay_, std::move(operations)});
  }
  deliver();
  running_ = false;
}

void QueuedBackend::carry_out(Operations& operations) {
  const auto writes = static_cast<std::size_t>(
      std::ranges::count_if(operations, [](const auto& operation) { return operation->writes(); }));
  const Status stored = execute(operations, writes);
  if (stored.ok()) return;
  // Nothing of the run is stored. What was read may have been a write that is gone: it is read again. A write that was
  // refused may have been refused for such a one, so it is not known any more whether it would be.
  const Error error = storage_error(stored.error());
  const bool readable = store_->begin(0).ok();
  for (const auto& operation : operations) {
    if (operation->writes() || !readable) {
      operation->fail(error);
    } else {
      static_cast<void>(operation->execute(*store_));  // an error is in the result
    }
  }
  if (readable) store_->roll_back();
}

Status QueuedBackend::execute(Operations& operations, std::size_t writes) {
  SOTTO_TRY(store_->begin(writes));
  for (const auto& operation : operations) {
    const Status done = operation->execute(*store_);
    if (!done.ok() && operation->writes()) {
      store_->roll_back();
      return done;
    }
  }
  if (writes > 0) return store_->commit();
  store_->roll_back();
  return {};
}

void QueuedBackend::deliver() {
  while (!results_.empty() && results_.front().due_run <= run_number_) {
    const Operations operations = std::move(results_.front().operations);
    results_.pop_front();
    for (const auto& operation : operations) operation->complete();
  }
}

}  // namespace sotto::relay
