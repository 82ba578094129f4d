// The load generator's event loop: epoll, one thread, and times at which somebody wants to say something.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace sotto::bench {

using Clock = std::chrono::steady_clock;

class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  virtual ~Watcher() = default;
  /// EPOLLIN, EPOLLOUT …
  virtual void ready(std::uint32_t events) = 0;
  /// At the end of a turn in which `Loop::touch` was called.
  virtual void turn_ended() = 0;
};

class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  void add(int fd, Watcher& watcher);
  /// Whether to be told when the socket takes bytes again.
  void want_writes(int fd, Watcher& watcher, bool wanted);
  void remove(int fd, Watcher& watcher);
  /// The watcher's `turn_ended` is called before the loop waits, so that what a turn says leaves together.
  void touch(Watcher& watcher) { touched_.push_back(&watcher); }
  /// The same in the first turn after `when`.
  void touch_at(Watcher& watcher, Clock::time_point when) { later_.emplace(when, &watcher); }
  /// One turn: waits until something is ready, at most until `until`.
  void turn(Clock::time_point until);

 private:
  void end_turn();
  void touch_due();
  int fd_;
  std::vector<Watcher*> touched_;
  std::set<std::pair<Clock::time_point, Watcher*>> later_;
};

}  // namespace sotto::bench
