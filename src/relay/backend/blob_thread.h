// A thread of its own for blobs, so that a large file's syncs never delay a message.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "relay/backend/blob_store.h"
#include "relay/backend/operation_queue.h"

namespace sotto::relay {

class BlobThread {
 public:
  /// `on_ready` is called on the thread when results wait for `collect`.
  BlobThread(std::shared_ptr<BlobStore> store, std::function<void()> on_ready);
  BlobThread(const BlobThread&) = delete;
  BlobThread& operator=(const BlobThread&) = delete;
  /// Ends after what was submitted.
  ~BlobThread();

  void submit(Operations<BlobStore> operations);
  /// What was carried out since, in the order of `submit`.
  std::vector<Operations<BlobStore>> collect();
  [[nodiscard]] bool ready() const;

 private:
  void run();

  std::shared_ptr<BlobStore> store_;
  std::function<void()> on_ready_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Operations<BlobStore>> submitted_;
  std::vector<Operations<BlobStore>> done_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sotto::relay
