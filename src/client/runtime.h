// What is known of a chat for the time of one connection only. Nothing here must survive a restart.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "client/outputs.h"

namespace sotto::client {

struct ChatRuntime {
  /// The head announced at connect: before the cursor is there, nothing is encrypted or resent.
  std::uint64_t drain_to = 0;

  // The outbox.
  std::set<std::int64_t> in_flight;
  /// One of those in flight was refused: their answers are awaited before anything more is sent.
  bool refused = false;
  /// Nothing is sent before the cursor is here: the relay told of a handshake that must be processed first.
  std::uint64_t send_after_cursor = 0;
  std::optional<Timestamp> send_retry;
  std::uint32_t send_failures = 0;

  // The intent at the head of the chat's queue.
  bool intent_busy = false;
  std::uint64_t commit_after_cursor = 0;
};

/// What outlives a connection, but not the process.
struct ChatPatience {
  std::optional<Timestamp> intent_retry;
  std::uint32_t intent_failures = 0;
};

class Runtimes {
 public:
  ChatRuntime& of(const ChatId& chat) { return runtimes_[chat]; }
  ChatPatience& patience(const ChatId& chat) { return patience_[chat]; }
  void on_connection_lost() { runtimes_.clear(); }
  void forget(const ChatId& chat) {
    runtimes_.erase(chat);
    patience_.erase(chat);
  }

  /// The clock was set back: waits go on as if it had not been.
  void set_clock_back(std::chrono::milliseconds by) {
    for (auto& [chat, runtime] : runtimes_) {
      if (runtime.send_retry) *runtime.send_retry -= by;
    }
    for (auto& [chat, patience] : patience_) {
      if (patience.intent_retry) *patience.intent_retry -= by;
    }
  }

  /// Chats whose time to try again has come.
  [[nodiscard]] std::set<ChatId> due(Timestamp now) {
    std::set<ChatId> out;
    for (const auto& [chat, runtime] : runtimes_) {
      if (runtime.send_retry && *runtime.send_retry <= now) out.insert(chat);
    }
    for (const auto& [chat, patience] : patience_) {
      if (patience.intent_retry && *patience.intent_retry <= now) out.insert(chat);
    }
    return out;
  }
  [[nodiscard]] std::optional<Timestamp> next_timer() const {
    std::optional<Timestamp> out;
    const auto consider = [&](const std::optional<Timestamp>& time) {
      if (time && (!out || *time < *out)) out = time;
    };
    for (const auto& [chat, runtime] : runtimes_) consider(runtime.send_retry);
    for (const auto& [chat, patience] : patience_) consider(patience.intent_retry);
    return out;
  }

 private:
  std::map<ChatId, ChatRuntime> runtimes_;
  std::map<ChatId, ChatPatience> patience_;
};

}  // namespace sotto::client
