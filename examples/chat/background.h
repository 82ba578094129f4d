// A thread for what takes long, such as reading a large file: one job after the other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "sotto/executor.h"

namespace chat {

class Background {
 public:
  /// What is to be done with the outcome, on the executor.
  using Then = std::function<void()>;
  /// Looks at `stop` now and then: once it is true, it gives up and says so in its outcome.
  using Job = std::function<Then(const std::atomic<bool>& stop)>;

  explicit Background(std::shared_ptr<sotto::Executor> executor);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() { close(); }

  void post(Job job);
  /// Waits until all jobs have ended; the one that runs and those that wait give up.
  void close();

 private:
  void run();

  std::shared_ptr<sotto::Executor> executor_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::thread thread_;
};

}  // namespace chat
