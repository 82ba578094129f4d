// The part of a Backend that all forms share: the queue, the order of completions, the checks of sizes, and what a
// failed storage means for each call of a run.
#pragma once

#include <deque>
#include <memory>

#include "relay/backend/backend.h"
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

  void blob_begin(const BlobId& blob, std::uint64_t size, Bytes meta, Done<BlobState> done) override;
  void blob_write(const BlobId& blob, std::uint64_t offset, Bytes data, Done<BlobState> done) override;
  void blob_finish(const BlobId& blob, const crypto::Sha256Digest& hash, Done<void> done) override;
  void blob_state(const BlobId& blob, Done<std::optional<BlobState>> done) override;
  void blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit, Done<Bytes> done) override;
  void blob_remove(const BlobId& blob, Done<void> done) override;

  [[nodiscard]] Bytes incarnation() const override { return store_->incarnation(); }
  [[nodiscard]] bool idle() const override { return queue_.empty() && results_.empty(); }
  /// Does nothing when called from a completion.
  void run() override;

 protected:
  explicit QueuedBackend(std::shared_ptr<SyncStore> store);
  [[nodiscard]] bool running() const { return running_; }
  /// Results are delivered this many runs after the one that made them.
  void delay(std::uint64_t runs) { delay_ = runs; }

 private:
  class Operation;
  template <typename T>
  class TypedOperation;
  using Operations = std::vector<std::unique_ptr<Operation>>;
  struct Results {
    std::uint64_t due_run;
    Operations operations;
  };
  enum class Kind { read, write };

  template <typename T>
  void enqueue(Kind kind, std::function<Result<T>(SyncStore&)> work, Done<T> done);
  /// Completes in its turn with this error, without asking the store.
  template <typename T>
  void refuse(Error why, Done<T> done);

  void carry_out(Operations& operations);
  Status execute(Operations& operations, std::size_t writes);
  void deliver();

  std::shared_ptr<SyncStore> store_;
  Operations queue_;
  std::deque<Results> results_;
  std::uint64_t run_number_ = 0;
  std::uint64_t delay_ = 0;
  bool running_ = false;
};

}  // namespace sotto::relay
