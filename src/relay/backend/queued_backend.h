// The part of a Backend that all forms share: the queues, the checks of sizes, and when completions are called.
#pragma once

#include <memory>

#include "relay/backend/blob_store.h"
#include "relay/backend/store_thread.h"
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
  void start() override;
  bool finish() override;
  void wait() override;
  void fail_writes(const Error& error) override;

  /// From here on a run waits for `carry_out`, as for a disk that takes its time: for tests and simulations.
  void defer() { deferred_ = true; }
  /// A run was begun that waits for `carry_out`.
  [[nodiscard]] bool waits_to_be_carried_out() const { return !waiting_run_.empty(); }
  void carry_out();

 protected:
  /// With an `on_ready` both are carried out on threads of their own, which call it when `finish` has something to do;
  /// without, `start` does it.
  QueuedBackend(std::shared_ptr<SyncStore> store, std::shared_ptr<BlobStore> blobs,
                const std::function<void()>& on_ready = {});
  /// The store is the caller's from here on.
  void end_threads();
  [[nodiscard]] bool completing() const { return completing_; }
  /// Called before a run's completions: the store is not in use.
  virtual void run_ended() {}

 private:
  using Kind = OperationKind;
  /// The calls of one of the two stores.
  template <typename Store>
  struct Lane {
    std::shared_ptr<Store> store;
    std::unique_ptr<StoreThread<Store>> thread;
    Operations<Store> queue;
    /// Carried out, and to be completed.
    Operations<Store> ended;

    template <typename T>
    void enqueue(Kind kind, std::function<Result<T>(Store&)> work, Done<T> done);
    /// Completes in its turn with this error, without asking the store.
    template <typename T>
    void refuse(Error why, Done<T> done);
    void collect();
    void complete();
  };

  Lane<SyncStore> main_;
  Lane<BlobStore> blobs_;
  bool under_way_ = false;
  bool completing_ = false;
  bool deferred_ = false;
  Operations<SyncStore> waiting_run_;
};

}  // namespace sotto::relay
