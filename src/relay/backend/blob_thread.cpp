#include "relay/backend/blob_thread.h"

#include <iterator>
#include <utility>

namespace sotto::relay {

BlobThread::BlobThread(std::shared_ptr<BlobStore> store, std::function<void()> on_ready)
    : store_(std::move(store)), on_ready_(std::move(on_ready)), thread_([this] { run(); }) {}

BlobThread::~BlobThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void BlobThread::submit(Operations<BlobStore> operations) {
  {
    const std::lock_guard lock(mutex_);
    submitted_.push_back(std::move(operations));
  }
  wake_.notify_one();
}

std::vector<Operations<BlobStore>> BlobThread::collect() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

bool BlobThread::ready() const {
  const std::lock_guard lock(mutex_);
  return !done_.empty();
}

void BlobThread::run() {
  for (;;) {
    // What was submitted meanwhile is one run: one sync for all of it.
    Operations<BlobStore> operations;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !submitted_.empty(); });
      if (submitted_.empty()) return;
      for (auto& some : std::exchange(submitted_, {})) std::ranges::move(some, std::back_inserter(operations));
    }
    carry_out(*store_, operations);
    {
      const std::lock_guard lock(mutex_);
      done_.push_back(std::move(operations));
    }
    on_ready_();
  }
}

}  // namespace sotto::relay
