// Acks between the step that stored their entries and the frame that takes them to the relay.
//
// They are cumulative, so they may wait for each other: at most `ack_interval` after the last frame of them, never
// while something else leaves, and not once so much has come that the relay's window might fill. What waits is of this
// connection only. The relay sends again what it has no ack of, and what is known already is acked and not shown again.
#pragma once

#include <map>

#include "client/session.h"

namespace sotto::client {

class Acks {
 public:
  Acks(Context& context, Session& session) : c_(context), session_(session) {}

  /// All of a chat up to `seq` is stored, by this step at the latest; `bytes` is what the newest entry has. The first
  /// of a step raises ack_no in its transaction, so what leaves later needs none of its own.
  Status add(const ChatId& chat, std::uint64_t seq, std::size_t bytes);
  /// At the end of a step: what is due leaves.
  void pump();
  /// All leave now, behind the step's frames so far.
  void send();
  /// This device is about to end the connection: all leave before.
  void say_farewell();
  /// The connection is lost, or the account.
  void clear();

  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by) { sent_at_ -= by; }

 private:
  [[nodiscard]] bool due() const;
  /// With all that waits, which waits no longer.
  wire::Request take();

  Context& c_;
  Session& session_;
  std::map<ChatId, std::uint64_t> cursors_;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
  Timestamp sent_at_{};
  /// In this step.
  bool raised_ = false;
};

}  // namespace sotto::client
