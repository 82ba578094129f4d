#include "load/loop.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "load/must.h"

namespace sotto::bench {

Loop::Loop() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (fd_ < 0) give_up("epoll_create1");
}

Loop::~Loop() { ::close(fd_); }

void Loop::add(int fd, Watcher& watcher) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &watcher;
  if (::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
}

void Loop::want_writes(int fd, Watcher& watcher, bool wanted) {
  epoll_event event{};
  event.events = EPOLLIN | (wanted ? std::uint32_t{EPOLLOUT} : 0U);
  event.data.ptr = &watcher;
  if (::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) != 0) give_up("epoll_ctl");
}

void Loop::remove(int fd, Watcher& watcher) {
  ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr);
  std::erase(touched_, &watcher);
  std::erase_if(later_, [&](const auto& one) { return one.second == &watcher; });
}

void Loop::end_turn() {
  // What is touched meanwhile belongs to this turn, too.
  for (std::size_t i = 0; i < touched_.size(); ++i) touched_[i]->turn_ended();
  touched_.clear();
}

void Loop::touch_due() {
  const auto now = Clock::now();
  while (!later_.empty() && later_.begin()->first <= now) touch(*later_.extract(later_.begin()).value().second);
}

void Loop::turn(Clock::time_point until) {
  touch_due();
  end_turn();
  if (!later_.empty()) until = std::min(until, later_.begin()->first);
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now()).count();
  const timespec timeout{left > 0 ? left / 1'000'000'000 : 0, left > 0 ? left % 1'000'000'000 : 0};
  std::array<epoll_event, 256> events;
  const int count = ::epoll_pwait2(fd_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->ready(event.events);
  }
  end_turn();
}

}  // namespace sotto::bench
