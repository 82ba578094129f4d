// Who is at the other end: challenge, authenticate; sessions that replace each other; old copies of stores.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Delivery;
class Handles;

class Session {
 public:
  Session(State& state, Delivery& delivery, Handles& handles) : s_(state), delivery_(delivery), handles_(handles) {}

  /// Sends the challenge.
  void greet(Connection& connection);
  Answer authenticate(Call& call, const wire::Authenticate& request);
  /// Closes the connections of a user's devices that the new list no longer has under this key.
  void enforce(const UserId& user, const UserRecord& record);

 private:
  void begin(Connection& connection, ConnectionKind kind, const Sender& sender, std::uint64_t session,
             std::uint64_t receipts_since);
  State& s_;
  Delivery& delivery_;
  Handles& handles_;
};

}  // namespace sotto::relay
