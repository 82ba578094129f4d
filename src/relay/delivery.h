// How entries reach devices: heads at connect, then each chat in turn, never more in flight than the window.
#pragma once

#include <deque>
#include <optional>

#include "relay/state.h"

namespace sotto::relay {

class Delivery {
 public:
  explicit Delivery(State& state) : s_(state) {}

  /// A main or peek connection has authenticated. Receipts that changed since `receipts_since` are told again.
  void start(Connection& connection, std::uint64_t receipts_since);
  /// An entry is durable: those who are owed it and online get it.
  void appended(const ChatId& chat, std::uint64_t seq);
  /// The device says that it has what it was sent up to here: its window has room again.
  void has_arrived(Connection& connection, const ChatId& chat, std::uint64_t seq);
  /// That is durable: nothing up to here is sent any more.
  void acked(Connection& connection, const ChatId& chat, std::uint64_t seq);
  /// The connection can be served, perhaps.
  void wake(Connection& connection);
  /// Serves who can be served. True if it has to be called again once the backend ran.
  bool work();
  /// Whether there is more to do than this step's bytes allow.
  [[nodiscard]] bool backlog() const { return !pumping_.empty(); }
  /// Looks again for what could not be read.
  void on_timers();
  /// When `on_timers` has something to do, on the clock of `State::now`.
  [[nodiscard]] std::optional<std::uint64_t> next_retry() const;

 private:
  enum class Progress { idle, waits, more };
  bool tell_heads(Connection& connection);
  void read_heads_page(Connection& connection);
  bool knows_whether_to_tell(const Connection& connection, const Chat& chat);
  void add_head(Connection& connection, Chat& chat);
  void finish_heads(Connection& connection);
  void open_feed(Connection& connection, Chat& chat, const ChatMember& member);
  Progress pump(Connection& connection);
  /// Sends what it can of one chat. False: it must be read first.
  bool serve(Connection& connection, Chat& chat, Feed& feed, const ChatMember& member);
  void read(Connection& connection, const ChatId& chat, std::uint64_t from, std::uint64_t to);
  void deliver(Connection& connection, Chat& chat, Feed& feed, const std::vector<LogEntryAt>& entries);
  static void make_room(DeliveryState& state, Feed& feed, std::uint64_t seq);
  void tell_gap(Connection& connection, Chat& chat, Feed& feed, const ChatMember& member);
  [[nodiscard]] bool has_room(const Connection& connection);
  /// A chat that cannot be read holds up no other; the device is not told of it until it can be.
  void retry_later(Connection& connection, const ChatId& chat);
  Progress retry(Connection& connection);

  struct Retry {
    std::uint64_t due = 0;
    ConnectionId connection = 0;
    ChatId chat;
  };

  State& s_;
  std::deque<ConnectionId> pumping_;
  /// At most one a feed of a connection.
  std::deque<Retry> retries_;
};

}  // namespace sotto::relay
