// An executor with one thread of its own: the one for callbacks when the app gives none.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "sotto/executor.h"
#include "sotto/result.h"

namespace sotto {

/// Runs tasks on one thread, in the order of the posts.
///
/// Destroyed from another thread, it runs what was posted before and joins. Destroyed from within one of its own tasks
/// (or from the destructor of one), it lets that task finish and then destroys the others without running them; the
/// thread ends by itself and touches nothing of the executor any more. In both cases a task posted after the
/// destruction began is destroyed without running.
class SerialExecutor final : public Executor {
 public:
  /// Starts the thread. Errors: UNAVAILABLE (no thread to be had).
  static Result<std::unique_ptr<SerialExecutor>> start();
  ~SerialExecutor() override;

  void post(std::function<void()> task) override;
  /// Whether the caller is one of its tasks. Any thread.
  [[nodiscard]] bool on_own_thread() const { return thread_.get_id() == std::this_thread::get_id(); }

 private:
  struct State;
  SerialExecutor();
  static void run(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;  // shared with the thread, which may outlive the executor
  std::thread thread_;
};

}  // namespace sotto
