// The relay's real backend, with an ear on what becomes durable in logs and records.
#pragma once

#include "relay/backend/sqlite_backend.h"

namespace sotto::sim {

class TapBackend final : public relay::Backend {
 public:
  using OnAppend = std::function<void(const relay::LogId&, std::uint64_t seq, ByteView record)>;
  /// Of a record that was put, or (null) removed.
  using OnRecord = std::function<void(ByteView key, const Bytes* value)>;
  TapBackend(std::unique_ptr<relay::SqliteBackend> backend, OnAppend on_append, OnRecord on_record)
      : backend_(std::move(backend)), on_append_(std::move(on_append)), on_record_(std::move(on_record)) {}

  void append(const relay::LogId& log, std::uint64_t expected_last, Bytes record, Done<std::uint64_t> done) override {
    auto copy = record;
    backend_->append(log, expected_last, std::move(record),
                     [this, log, bytes = std::move(copy), done = std::move(done)](Result<std::uint64_t> seq) {
                       if (seq.ok()) on_append_(log, *seq, bytes);
                       if (done) done(std::move(seq));
                     });
  }
  void read(const relay::LogId& log, std::uint64_t from, std::size_t limit, std::size_t max_bytes,
            Done<std::vector<relay::LogRecord>> done) override {
    backend_->read(log, from, limit, max_bytes, std::move(done));
  }
  void trim(const relay::LogId& log, std::uint64_t up_to, Done<void> done) override {
    backend_->trim(log, up_to, std::move(done));
  }
  void snapshot(const relay::LogId& log, std::uint64_t seq, Bytes bytes, Done<void> done) override {
    backend_->snapshot(log, seq, std::move(bytes), std::move(done));
  }
  void load(const relay::LogId& log, Done<relay::LogState> done) override { backend_->load(log, std::move(done)); }
  void get(relay::RecordKey key, Done<relay::Record> done) override { backend_->get(std::move(key), std::move(done)); }
  void put(relay::RecordKey key, Bytes value, std::optional<std::uint64_t> expected_revision,
           Done<std::uint64_t> done) override {
    auto copy = std::pair(key, value);
    backend_->put(std::move(key), std::move(value), expected_revision,
                  [this, copy = std::move(copy), done = std::move(done)](Result<std::uint64_t> revision) {
                    if (revision.ok()) on_record_(copy.first, &copy.second);
                    if (done) done(std::move(revision));
                  });
  }
  void remove(relay::RecordKey key, Done<void> done) override {
    auto copy = key;
    backend_->remove(std::move(key), [this, copy = std::move(copy), done = std::move(done)](Result<void> result) {
      if (result.ok()) on_record_(copy, nullptr);
      if (done) done(std::move(result));
    });
  }
  void scan(relay::RecordKey prefix, relay::RecordKey after, std::size_t limit,
            Done<std::vector<relay::Record>> done) override {
    backend_->scan(std::move(prefix), std::move(after), limit, std::move(done));
  }
  void blob_begin(const relay::BlobId& blob, relay::NewBlob what, Done<relay::BlobState> done) override {
    backend_->blob_begin(blob, std::move(what), std::move(done));
  }
  void blob_write(const relay::BlobId& blob, std::uint64_t offset, Bytes data, std::uint64_t expires_at,
                  Done<relay::BlobState> done) override {
    backend_->blob_write(blob, offset, std::move(data), expires_at, std::move(done));
  }
  void blob_state(const relay::BlobId& blob, Done<std::optional<relay::BlobState>> done) override {
    backend_->blob_state(blob, std::move(done));
  }
  void blob_update(const relay::BlobId& blob, std::uint64_t revision, Bytes meta, std::uint64_t expires_at,
                   Done<relay::BlobState> done) override {
    backend_->blob_update(blob, revision, std::move(meta), expires_at, std::move(done));
  }
  void blob_read(const relay::BlobId& blob, std::uint64_t offset, std::size_t limit, Done<Bytes> done) override {
    backend_->blob_read(blob, offset, limit, std::move(done));
  }
  void blob_expire(std::uint64_t now, std::size_t limit, Done<std::size_t> done) override {
    backend_->blob_expire(now, limit, std::move(done));
  }
  [[nodiscard]] Bytes incarnation() const override { return backend_->incarnation(); }
  [[nodiscard]] bool idle() const override { return backend_->idle(); }
  void start() override { backend_->start(); }
  bool finish() override { return backend_->finish(); }
  void wait() override { backend_->wait(); }
  void fail_writes(const Error& error) override { backend_->fail_writes(error); }

  [[nodiscard]] relay::SqliteBackend& sqlite() { return *backend_; }

 private:
  std::unique_ptr<relay::SqliteBackend> backend_;
  OnAppend on_append_;
  OnRecord on_record_;
};

}  // namespace sotto::sim
