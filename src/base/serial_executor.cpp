#include "base/serial_executor.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>

namespace sotto {

struct SerialExecutor::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;
  bool stopping = false;  // nothing is accepted any more
  bool dropping = false;  // what is left is not run either
};

SerialExecutor::SerialExecutor() : state_(std::make_shared<State>()), thread_([state = state_] { run(state); }) {}

Result<std::unique_ptr<SerialExecutor>> SerialExecutor::start() {
  try {
    return std::unique_ptr<SerialExecutor>(new SerialExecutor());
  } catch (const std::system_error&) {
    return Error(ErrorCode::UNAVAILABLE, "no thread can be started");
  }
}

SerialExecutor::~SerialExecutor() {
  const bool inside = on_own_thread();
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->dropping = inside;
  }
  state_->changed.notify_one();
  if (inside) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void SerialExecutor::post(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;  // `task` is destroyed by the caller's side, outside the lock.
    state_->tasks.push_back(std::move(task));
  }
  state_->changed.notify_one();
}

void SerialExecutor::run(const std::shared_ptr<State>& state) {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(state->mutex);
      state->changed.wait(lock, [&] { return state->stopping || !state->tasks.empty(); });
      if (state->dropping || state->tasks.empty()) return;
      task = std::move(state->tasks.front());
      state->tasks.pop_front();
    }
    task();
  }  // The task and what it holds end here, outside the lock: it may hold the executor itself.
}

}  // namespace sotto
