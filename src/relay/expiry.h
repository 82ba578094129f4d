// Entries that nobody may wait for any longer: 30 days after they came they go, acked or not. A device that was owed
// one is told of the gap.
#pragma once

#include "relay/cursors.h"
#include "relay/record_keys.h"
#include "relay/state.h"

namespace sotto::relay {

class Expiry {
 public:
  Expiry(State& state, Cursors& cursors) : s_(state), cursors_(cursors) {}

  /// A chat got an entry: notes, once a period, that it will have some to expire.
  void note(Chat& chat, const Dependency& dependency);
  /// Looks for chats whose time has come, once a period.
  void look();
  /// Loads them, finds what has expired and has it trimmed. Before each run.
  void work();
  [[nodiscard]] std::uint64_t next_look() const { return next_look_; }

 private:
  struct Due {
    RecordKey key;
    bool reading = false;
  };
  /// Entries expire up to this much later than their time, so that a chat is noted rarely.
  [[nodiscard]] std::uint64_t period_ms() const;
  void scan();
  void find_expired(const ChatId& id, std::uint64_t from);
  void done(const ChatId& id, std::uint64_t up_to);

  State& s_;
  Cursors& cursors_;
  /// Chats that are being looked at; bounded by what one scan gives.
  std::map<ChatId, Due> due_;
  std::uint64_t next_look_ = 0;
};

}  // namespace sotto::relay
