// Connections between devices and the relay, frame by frame, on virtual time.
#pragma once

#include <map>

#include "relay/io.h"
#include "sim/machine.h"

namespace sotto::sim {

class Device;

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  /// Opens a connection; both ends are told when it is there, or the device that it cannot be.
  relay::ConnectionId connect(Device& device);
  void send_up(relay::ConnectionId id, Bytes frame);
  void send_down(relay::ConnectionId id, Bytes frame);
  /// One end closes in good order: what it sent before still arrives.
  void close_by_client(relay::ConnectionId id);
  void close_by_relay(relay::ConnectionId id);
  /// A process died: the other end learns of it, at once or (`silently`) when nothing answers any more.
  void client_died(relay::ConnectionId id, bool silently);
  void relay_died(bool silently);

  /// Both ends lose it; with `half_open` one of them, at random, only after a minute. False: it is not open.
  bool cut(relay::ConnectionId id, bool half_open);
  /// A frame of some length is on its way, either direction.
  [[nodiscard]] bool busy(relay::ConnectionId id) const;
  enum class Side { up, down };
  void stall(relay::ConnectionId id, Side side, Milliseconds time);
  void slow_down(relay::ConnectionId id, Milliseconds latency, Milliseconds time);
  void set_rate(relay::ConnectionId id, std::uint64_t bytes_per_second);
  [[nodiscard]] std::vector<relay::ConnectionId> open() const;
  [[nodiscard]] Device* device_of(relay::ConnectionId id);
  /// The relay has not heard of its end; of any connection of the device, or of one that still works.
  [[nodiscard]] bool known_to_relay(const Device& device) const;
  [[nodiscard]] bool works(relay::ConnectionId id) const;
  [[nodiscard]] Timestamp opened_at(relay::ConnectionId id) const;
  /// Stalls, delays and narrow links end.
  void heal();

 private:
  struct Direction {
    Timestamp last_arrival{};
    Timestamp stalled_until{};
    /// When the last byte of what was sent leaves.
    Timestamp sent_until{};
    std::size_t queued = 0;
    std::size_t on_the_way = 0;
  };
  struct Link {
    Device* device = nullptr;
    Direction up;
    Direction down;
    Milliseconds latency{1};
    Timestamp opened{};
    Timestamp slow_until{};
    Milliseconds slow_latency{0};
    std::uint64_t bytes_per_second = 0;
    bool client_open = false;
    bool relay_open = false;
    /// Nothing arrives any more.
    bool severed = false;
  };
  Link* find(relay::ConnectionId id);
  Timestamp depart(Link& link, Direction& direction, std::size_t bytes);
  Timestamp arrive(Link& link, Direction& direction, Timestamp departure);
  void tell_client(relay::ConnectionId id, Milliseconds after);
  void tell_relay(relay::ConnectionId id, Milliseconds after);
  void tidy(relay::ConnectionId id);

  World& world_;
  std::map<relay::ConnectionId, Link> links_;
  relay::ConnectionId last_ = 0;
};

}  // namespace sotto::sim
