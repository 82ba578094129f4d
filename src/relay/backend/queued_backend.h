// The part of a Backend that all forms share: the queues, the checks of sizes, and when completions are called.
#pragma once

#include <deque>
#include <memory>

#include "relay/backend/blob_thread.h"
#include "relay/backend/sync_store.h"

namespace sotto::relay {

class QueuedBackend : public Backend {
 public:
  ~QueuedBackend() override;

  void append(const LogId& log, std::uint64_t expected_last, Bytes record, Done<std::uint64_t> done) override;
  void read(const LogId& log, std::uint64_t from, std::size_t limit, std::size_t max_bytes,
            Done<std::vector<LogRecord>> done) override;
  void trim(const LogId& log, std::uint64_t up_to, Done<void> done) override;
  void snapshot(const LogId& log, std::uint64_t seq, Bytes bytes, Done<void> done) override;
  void load(const LogId& log, Done<LogState> done) override;

  void get(RecordKey key, Done<Record> done) override;
  void put(RecordKey key, Bytes value, std::optional<std::uint64_t> expected_revision,
           Done<std::uint64_t> done) override;
  void remove(RecordKey key, Done<void> done) override;
  void scan(RecordKey prefix, RecordKey after, std::size_t limit, Done<std::vector<Record>> done) override;

  void blob_begin(const BlobId& blob, NewBlob what, Done<BlobState> done) override;
  void blob_write(const BlobId& blob, std::uint64_t offset, Bytes data, std::uint64_t expires_at,
                  Done<BlobState> done) override;
  void blob_state(const BlobId& blob, Done<std::optional<BlobState>> done) override;
  void blob_update(const BlobId& blob, std::uint64_t revision, Bytes meta, std::uint64_t expires_at,
                   Done<BlobState> done) override;
  void blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit, Done<Bytes> done) override;
  void blob_expire(std::uint64_t now, std::size_t limit, Done<std::size_t> done) override;

  [[nodiscard]] Bytes incarnation() const override;
  [[nodiscard]] bool idle() const override;
  /// Does nothing when called from a completion.
  void run() override;

 protected:
  /// With a `blob_thread` blobs are carried out there, else by `run`.
  QueuedBackend(std::shared_ptr<SyncStore> store, std::shared_ptr<BlobStore> blobs,
                std::unique_ptr<BlobThread> blob_thread = {});
  [[nodiscard]] bool running() const { return running_; }
  /// Results are delivered this many runs after the one that made them.
  void delay(std::uint64_t runs) { delay_ = runs; }

 private:
  using Kind = OperationKind;
  /// The calls of one of the two stores, and those that were carried out.
  template <typename Store>
  struct Lane {
    struct Results {
      std::uint64_t due_run;
      Operations<Store> operations;
    };
    std::shared_ptr<Store> store;
    Operations<Store> queue;
    std::deque<Results> results;

    template <typename T>
    void enqueue(Kind kind, std::function<Result<T>(Store&)> work, Done<T> done);
    /// Completes in its turn with this error, without asking the store.
    template <typename T>
    void refuse(Error why, Done<T> done);
    void carry_out(std::uint64_t due_run);
    void deliver(std::uint64_t run);
  };

  Lane<SyncStore> main_;
  Lane<BlobStore> blobs_;
  std::unique_ptr<BlobThread> blob_thread_;
  std::uint64_t run_number_ = 0;
  std::uint64_t delay_ = 0;
  bool running_ = false;
};

}  // namespace sotto::relay
