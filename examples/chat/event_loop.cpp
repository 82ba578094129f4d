#include "chat/event_loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace chat {

EventLoop::EventLoop() {
  if (::pipe(pipe_) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  for (const int fd : pipe_) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

EventLoop::~EventLoop() {
  for (const int fd : pipe_) ::close(fd);
}

void EventLoop::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  // A full pipe is readable already, which is all that is wanted.
  if (tasks_.size() == 1) [[maybe_unused]]
    const auto written = ::write(pipe_[1], "", 1);
}

void EventLoop::run_ready() {
  std::array<char, 64> drained{};
  while (::read(pipe_[0], drained.data(), drained.size()) > 0) {
  }
  std::deque<std::function<void()>> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(tasks_);
  }
  for (auto& task : ready) task();
}

}  // namespace chat
