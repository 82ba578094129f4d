// Pairs of users at a server: what is measured with them, and the count that proves that nothing was lost or came
// twice.
#pragma once

#include <functional>

#include "load/figures.h"
#include "load/peer.h"

namespace sotto::bench {

class Pairs final : public Observer {
 public:
  /// `loop` outlives the peer, whose connections are in it.
  Pairs(Loop& loop, Peer& peer, std::size_t pairs, std::uint64_t most);

  /// Each sender has `window` messages unanswered, always. A second of warming up comes first.
  Figures closed_loop(std::uint64_t window, double seconds);
  /// So many messages a second over all pairs, each sent when its time has come, whatever became of those before.
  /// Latencies are counted from that time.
  Figures open_loop(double rate, double seconds);
  /// A closed loop during which `interrupt` is called so many times, in between always so many seconds. All that was
  /// answered must arrive, once.
  Figures interrupted(std::uint64_t window, int times, double seconds, const std::function<void()>& interrupt);
  /// So many messages a pair while the recipients are away, and then they come.
  Figures store_and_drain(std::uint64_t window, std::uint64_t messages);

  void accepted(std::size_t pair) override;
  void delivered(std::size_t pair, std::uint64_t number) override;

 private:
  struct Pair {
    std::uint64_t sent = 0;
    std::uint64_t accepted = 0;
    std::uint64_t delivered = 0;
    /// Which messages came.
    std::vector<bool> came;
    /// When each message was to be sent; of an open loop only.
    std::vector<Clock::time_point> intended;
  };
  void send(std::size_t pair);
  void turn(Clock::time_point until = Clock::now() + std::chrono::milliseconds(50)) { loop_.turn(until); }
  /// Until all that was sent is answered, and delivered if `all`.
  void finish(bool all);
  /// Nothing may be left at the server once all is acknowledged.
  void wait_until_deleted();
  void check_alive() const;

  Loop& loop_;
  Peer& peer_;
  std::vector<Pair> pairs_;
  std::uint64_t sent_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t window_ = 0;
  std::uint64_t most_ = 0;
  Latencies* latencies_ = nullptr;
  Latencies* answers_ = nullptr;
  Clock::time_point last_progress_;
};

}  // namespace sotto::bench
