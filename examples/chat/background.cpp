#include "chat/background.h"

#include <utility>

namespace chat {

Background::Background(std::shared_ptr<sotto::Executor> executor)
    : executor_(std::move(executor)), thread_([this] { run(); }) {}

void Background::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (stop_) return executor_->post(job(stop_));  // It only says that it gives up.
  jobs_.push_back(std::move(job));
  changed_.notify_one();
}

void Background::close() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Background::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    executor_->post(job(stop_));
    lock.lock();
  }
}

}  // namespace chat
