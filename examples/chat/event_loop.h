// Brings the client's callbacks to the thread that owns the terminal, so that nothing in this program needs a lock.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "sotto/executor.h"

namespace chat {

/// An executor whose tasks wait until `run_ready` is called; `wake_fd` is readable while there are some.
class EventLoop final : public sotto::Executor {
 public:
  EventLoop();
  ~EventLoop() override;

  void post(std::function<void()> task) override;

  [[nodiscard]] int wake_fd() const { return pipe_[0]; }
  /// Runs the tasks that were waiting when it was called.
  void run_ready();

 private:
  int pipe_[2] = {-1, -1};
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
};

}  // namespace chat
