// The load generator's event loop: epoll, one thread, no timers but the next moment at which somebody wants to send.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
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
  /// One turn: waits until something is ready, at most until `until`.
  void turn(Clock::time_point until);

 private:
  void end_turn();
  int fd_;
  std::vector<Watcher*> touched_;
};

}  // namespace sotto::bench
