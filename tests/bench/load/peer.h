// A server under test with pairs of users at it, as the scenarios see them: one sends numbered messages of 200 bytes,
// the other gets them and acknowledges, and then the server deletes them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "load/loop.h"
#include "load/process.h"

namespace sotto::bench {

inline constexpr std::size_t payload_bytes = 200;

/// 200 bytes that begin with the message's number.
Bytes payload_of(std::uint64_t number);
/// The number in the first 8 bytes.
std::uint64_t number_of(ByteView payload);

/// Told of what happens, from inside `Loop::turn`.
class Observer {
 public:
  virtual ~Observer() = default;
  /// The server answered: the message is as durable there as it will be. Messages of a pair are answered in order.
  virtual void accepted(std::size_t pair) = 0;
  virtual void delivered(std::size_t pair, std::uint64_t number) = 0;
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  /// Starts the server and connects; each user sends at most `most` messages. Returns when all are ready.
  virtual void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t most) = 0;
  /// The pair's next message. It leaves at the end of the turn.
  virtual void send(std::size_t pair, std::uint64_t number) = 0;
  /// The recipients hang up, and are connected again.
  virtual void go_offline() = 0;
  virtual void come_online() = 0;
  /// After `come_online`: the recipients ask for what waits for them.
  virtual void fetch() = 0;
  /// Messages that the server has stored.
  virtual std::uint64_t stored() = 0;
  /// Whether all messages of a pair are in one order. If not, the peer itself checks those orders that there are.
  [[nodiscard]] virtual bool one_order() const { return true; }
  /// False for one that only forwards: then nothing can be stored for later.
  [[nodiscard]] virtual bool stores() const { return true; }
  [[nodiscard]] virtual const Process& server() const = 0;
};

}  // namespace sotto::bench
