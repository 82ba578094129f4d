// Acks between their arrival and their turn. Nobody is answered, so a busy connection's may wait and be carried out as
// one; and those whose writes failed come again, since the device will not send them a second time.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "relay/state.h"

namespace sotto::relay {

class Delivery;

class Acks {
 public:
  Acks(State& state, Delivery& delivery) : s_(state), delivery_(delivery) {}

  /// False: it is to be carried out now. Else it was joined with others of its connection, which come together within
  /// CoreConfig::ack_ms; its device's window has room again at once.
  bool hold(Connection& connection, const Waiting& request);
  /// It was not carried out, or that failed: once more in a while.
  void again(Connection& connection, const Waiting& request);
  /// What is due becomes a request.
  void on_timers() { release_until(s_.now); }
  /// What the connection holds becomes its next request now.
  void release(Connection& connection);
  /// The connection ended: also what it had acked by then and nobody has looked at.
  void release_last(Connection& connection);
  /// That of all.
  void release_all() { release_until(UINT64_MAX); }
  [[nodiscard]] std::optional<std::uint64_t> next_due() const;

 private:
  /// `due`: unless others wait already, with which they go.
  void join(Connection& connection, std::uint64_t ack_no, const std::map<ChatId, std::uint64_t>& cursors,
            std::uint64_t due);
  void release_until(std::uint64_t time);
  State& s_;
  Delivery& delivery_;
  /// Of connections that hold some: HeldAcks::due.
  std::set<std::pair<std::uint64_t, ConnectionId>> due_;
};

}  // namespace sotto::relay
