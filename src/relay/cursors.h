// Acks: how cursors move, when the log is trimmed behind them, and when others are told.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Delivery;

class Cursors {
 public:
  Cursors(State& state, Delivery& delivery) : s_(state), delivery_(delivery) {}

  Answer ack(Call& call, const wire::Ack& request);
  /// Queues changed cursors, and snapshot and trim of chats whose lowest cursor rose. Before each run.
  void flush();
  /// Carries out the timers of chats that are due.
  void on_timers();
  /// Trims what has expired, acked or not, and removes the note that it would.
  void expire(Chat& chat, std::uint64_t up_to, const RecordKey& note);
  /// Makes all that waits for a timer due now.
  void hurry();

 private:
  void schedule_trim(Chat& chat, std::uint64_t due);
  void schedule_receipt(Chat& chat, const UserId& user);
  void trim(Chat& chat);
  void tell_receipts(Chat& chat);

  State& s_;
  Delivery& delivery_;
  /// Chats whose trim is due and waits for appends to be done.
  std::set<ChatId> trims_due_;
};

}  // namespace sotto::relay
