// The forms of the backend that the conformance suite runs against, and calls that wait for their answer.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "base/random.h"
#include "crypto/hash.h"
#include "relay/backend/memory_backend.h"
#include "relay/backend/sqlite_backend.h"
#include "store/transaction.h"
#include "support/catch.h"
#include "support/temp_dir.h"
#include "wire/limits.h"

namespace sotto::relay::test {

using sotto::test::TempDir;

/// The backend in memory; its disk survives a reopening.
class MemoryForm {
 public:
  Backend& backend() { return *backend_; }
  void reopen() { backend_ = std::make_unique<MemoryBackend>(disk_); }
  /// What is left when the process dies now.
  void crash() { reopen(); }
  /// A copy of the storage, restored from a backup, takes its place.
  void restore() {
    disk_ = disk_->restored(random_);
    reopen();
  }
  void tidy() {}
  void break_storage() { backend_->fail_all(ErrorCode::UNAVAILABLE); }
  void mend_storage() { backend_->fail_all(std::nullopt); }

 private:
  SeededRandom random_{1};
  std::shared_ptr<MemoryStore> disk_ = std::make_shared<MemoryStore>(random_);
  std::unique_ptr<MemoryBackend> backend_ = std::make_unique<MemoryBackend>(disk_);
};

/// The bytes of all files in a folder, one after the other.
inline std::string contents(const std::string& folder) {
  std::string out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    out.append(std::istreambuf_iterator<char>(file), {});
  }
  return out;
}

inline bool holds(const std::string& haystack, const Bytes& needle) {
  return haystack.find(as_text(needle)) != std::string::npos;
}

/// The backend over SQLite.
class SqliteForm {
 public:
  explicit SqliteForm(std::size_t young_segments = SqliteOptions{}.young_segments) : young_segments_(young_segments) {
    open({});
  }
  Backend& backend() { return *backend_; }
  SqliteBackend& sqlite() { return *backend_; }
  [[nodiscard]] std::string folder() const { return dir_.path() + "/data" + std::to_string(copies_); }
  void close() { backend_.reset(); }
  void reopen() {
    close();
    open({});
  }
  void crash() {
    copy_while_open();
    open({});
  }
  void restore() {
    copy_while_open();
    SqliteOptions options;
    options.restored = true;
    open(options);
  }
  void tidy() { REQUIRE(backend_->checkpoint().ok()); }
  /// Somebody else holds the write lock from now on.
  void break_storage() {
    for (const auto* file : {"/relay.db", "/blobs.db"}) {
      auto other = store::Database::open(folder() + file, {});
      REQUIRE(other.ok());
      others_.push_back(std::move(*other));
      auto lock = store::Transaction::begin(*others_.back());
      REQUIRE(lock.ok());
      locks_.push_back(std::move(*lock));
    }
  }
  void mend_storage() {
    locks_.clear();
    others_.clear();
  }

 private:
  void open(SqliteOptions options) {
    options.synchronous = store::Synchronous::normal;  // the tests' power does not fail
    options.busy_timeout = std::chrono::milliseconds(0);
    options.young_segments = young_segments_;
    auto opened = SqliteBackend::open(folder(), random_, options);
    REQUIRE(opened.ok());
    backend_ = std::move(*opened);
  }
  void copy_while_open() {
    const std::string from = folder();
    ++copies_;
    std::filesystem::copy(from, folder(), std::filesystem::copy_options::recursive);
    backend_.reset();
  }

  std::size_t young_segments_;
  TempDir dir_;
  SeededRandom random_{1};
  int copies_ = 0;
  std::unique_ptr<SqliteBackend> backend_;
  std::vector<std::unique_ptr<store::Database>> others_;
  std::vector<store::Transaction> locks_;
};

/// One call, carried out by itself.
class Calls {
 public:
  explicit Calls(Backend& backend) : b_(backend) {}

  auto append(const LogId& log, std::uint64_t last, Bytes data) {
    return wait<std::uint64_t>([&](auto done) { b_.append(log, last, std::move(data), done); });
  }
  auto read(const LogId& log, std::uint64_t from, std::size_t limit = 1000, std::size_t max_bytes = 1'000'000) {
    return wait<std::vector<LogRecord>>([&](auto done) { b_.read(log, from, limit, max_bytes, done); });
  }
  auto trim(const LogId& log, std::uint64_t up_to) {
    return wait<void>([&](auto done) { b_.trim(log, up_to, done); });
  }
  auto snapshot(const LogId& log, std::uint64_t seq, Bytes bytes) {
    return wait<void>([&](auto done) { b_.snapshot(log, seq, std::move(bytes), done); });
  }
  auto load(const LogId& log) {
    return wait<LogState>([&](auto done) { b_.load(log, done); });
  }
  auto get(RecordKey key) {
    return wait<Record>([&](auto done) { b_.get(std::move(key), done); });
  }
  auto put(RecordKey key, Bytes value, std::optional<std::uint64_t> expected = std::nullopt) {
    return wait<std::uint64_t>([&](auto done) { b_.put(std::move(key), std::move(value), expected, done); });
  }
  auto remove(RecordKey key) {
    return wait<void>([&](auto done) { b_.remove(std::move(key), done); });
  }
  auto scan(RecordKey prefix, RecordKey after = {}, std::size_t limit = 1000) {
    return wait<std::vector<Record>>([&](auto done) { b_.scan(std::move(prefix), std::move(after), limit, done); });
  }
  auto blob_begin(const BlobId& blob, NewBlob what) {
    return wait<BlobState>([&](auto done) { b_.blob_begin(blob, std::move(what), done); });
  }
  auto blob_write(const BlobId& blob, std::uint64_t offset, Bytes data, std::uint64_t expires_at = 0) {
    return wait<BlobState>([&](auto done) { b_.blob_write(blob, offset, std::move(data), expires_at, done); });
  }
  auto blob_state(const BlobId& blob) {
    return wait<std::optional<BlobState>>([&](auto done) { b_.blob_state(blob, done); });
  }
  auto blob_update(const BlobId& blob, std::uint64_t revision, Bytes meta, std::uint64_t expires_at) {
    return wait<BlobState>([&](auto done) { b_.blob_update(blob, revision, std::move(meta), expires_at, done); });
  }
  auto blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) {
    return wait<Bytes>([&](auto done) { b_.blob_read(blob, offset, limit, done); });
  }
  auto blob_expire(std::uint64_t now, std::size_t limit = 100) {
    return wait<std::size_t>([&](auto done) { b_.blob_expire(now, limit, done); });
  }

 private:
  template <typename T, typename Call>
  Result<T> wait(const Call& call) {
    std::optional<Result<T>> out;
    call(typename Backend::Done<T>([&](Result<T> result) { out.emplace(std::move(result)); }));
    CHECK_FALSE(out.has_value());  // nothing completes inside the call
    b_.run();
    REQUIRE(out.has_value());
    return std::move(*out);
  }
  Backend& b_;
};

template <typename AnyId>
AnyId id(std::uint8_t number) {
  AnyId out;
  out.bytes.fill(number);
  return out;
}
inline LogId log_id(std::uint8_t number) { return id<LogId>(number); }
inline BlobId blob_id(std::uint8_t number) { return id<BlobId>(number); }

/// A blob of one owner with room for it, for ever.
inline NewBlob new_blob(ByteView bytes, std::string_view meta = "meta") {
  NewBlob out;
  out.size = bytes.size();
  out.hash = crypto::sha256(bytes);
  out.meta = sotto::to_bytes(meta);
  out.owner = sotto::to_bytes("owner");
  out.owner_bytes = 1'000'000'000;
  out.expires_at = 1'000'000;
  return out;
}

inline Bytes text(std::string_view what) { return sotto::to_bytes(what); }
inline Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  return out;
}

inline std::vector<std::uint64_t> seqs(const std::vector<LogRecord>& records) {
  std::vector<std::uint64_t> out;
  for (const auto& record : records) out.push_back(record.seq);
  return out;
}

inline constexpr std::size_t most_bytes = wire::limits::record_bytes;

}  // namespace sotto::relay::test
