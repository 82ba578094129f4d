// What members of a chat tell each other besides its log: ephemerals, and how far each has read.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Signals {
 public:
  explicit Signals(State& state) : s_(state) {}

  Answer send(Call& call, const wire::SendEphemeral& request);
  Answer set_read_mark(Call& call, const wire::SetReadMark& request);

 private:
  template <typename Request>
  Need<Chat> admit(Call& call, const Request& request, char kind, const Rate& rate);
  /// To the main connections of all other devices on the roster that read what they get.
  void push_to_others(const ChatId& chat, const DeviceRef& sender, const wire::Push& push);

  State& s_;
};

/// A read mark as others are told of it.
wire::Push read_mark_push(const ChatId& chat, const ReadMarkRecord& mark);

}  // namespace sotto::relay
