// A thread of its own for a store, so that the core goes on while a disk syncs, and a large file never delays a
// message.
#pragma once

#include <condition_variable>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "relay/backend/operation_queue.h"

namespace sotto::relay {

template <typename Store>
class StoreThread {
 public:
  /// `on_ready` is called on the thread when results wait for `collect`.
  StoreThread(std::shared_ptr<Store> store, std::function<void()> on_ready)
      : store_(std::move(store)), on_ready_(std::move(on_ready)), thread_([this] { run(); }) {}
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;
  /// Ends after what was submitted.
  ~StoreThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void submit(Operations<Store> operations) {
    {
      const std::lock_guard lock(mutex_);
      std::ranges::move(operations, std::back_inserter(submitted_));
      working_ = true;
    }
    wake_.notify_one();
  }
  /// What was carried out since, in the order of `submit`.
  Operations<Store> collect() {
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, {});
  }
  [[nodiscard]] bool ready() const {
    const std::lock_guard lock(mutex_);
    return !done_.empty();
  }
  /// Until all that was submitted is carried out; the store is the caller's then, until the next `submit`.
  void wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return !working_; });
  }

 private:
  void run() {
    for (;;) {
      // What was submitted meanwhile is one run: one sync for all of it.
      Operations<Store> operations;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || !submitted_.empty(); });
        if (submitted_.empty()) return;
        operations = std::exchange(submitted_, {});
      }
      carry_out(*store_, operations);
      {
        const std::lock_guard lock(mutex_);
        std::ranges::move(operations, std::back_inserter(done_));
        working_ = !submitted_.empty();
      }
      idle_.notify_all();
      on_ready_();
    }
  }

  std::shared_ptr<Store> store_;
  std::function<void()> on_ready_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  Operations<Store> submitted_;
  Operations<Store> done_;
  bool working_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sotto::relay
