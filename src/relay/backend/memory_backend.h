// The backend in memory, with faults on demand: for tests and simulations of the relay core.
#pragma once

#include "relay/backend/memory_store.h"
#include "relay/backend/queued_backend.h"

namespace sotto::relay {

class MemoryBackend final : public QueuedBackend {
 public:
  /// Works on `disk`, which survives it: a restart is a new backend over the same disk.
  explicit MemoryBackend(std::shared_ptr<MemoryStore> disk) : MemoryBackend(disk.get(), disk) {}
  /// With a disk of its own.
  explicit MemoryBackend(Random& random) : MemoryBackend(std::make_shared<MemoryStore>(random)) {}

  /// The n-th write from now on (1: the next) fails, and with it all writes of its run.
  void fail_write(std::size_t n, ErrorCode code = ErrorCode::IO_ERROR) { disk_->fail_write(n, code); }
  /// The next run that has writes fails.
  void fail_next_run(ErrorCode code = ErrorCode::IO_ERROR) { disk_->fail_next_run(code); }
  /// Every run that has writes fails, until this is called with nothing.
  void fail_all(std::optional<ErrorCode> code) { disk_->fail_all(code); }
  /// Every load and read of a log fails, until this is called with nothing.
  void fail_log_reads(std::optional<ErrorCode> code) { disk_->fail_log_reads(code); }
  /// Runs that have ended.
  [[nodiscard]] std::uint64_t runs() const { return runs_; }
  /// Writes in runs that did not fail.
  [[nodiscard]] std::uint64_t writes() const { return disk_->writes(); }

 private:
  MemoryBackend(MemoryStore* disk, const std::shared_ptr<MemoryStore>& owner)
      : QueuedBackend(owner, owner), disk_(disk) {}

  void run_ended() override { ++runs_; }

  MemoryStore* disk_;  // owned by QueuedBackend
  std::uint64_t runs_ = 0;
};

}  // namespace sotto::relay
