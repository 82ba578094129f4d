// The account of a store, how it is made, and what becomes of its handle.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sotto/error.h"
#include "sotto/types.h"

namespace sotto {

/// What a relay may want of a registration; which of it is the relay's business (docs/operating.md).
struct RegisterOptions {
  /// The code that `Client::request_code` had sent to the phone number.
  std::string code = {};
  /// The text of an invitation.
  std::string invite = {};
  /// The PIN that the handle's present account was locked with (`Client::set_pin`).
  std::string pin = {};
};

/// A code is on its way to a phone number.
struct CodeSent {
  /// How long it may be used.
  std::chrono::milliseconds lifetime{0};
  std::uint32_t digits = 0;
};

/// A registration that its completion does not tell the end of: it waits for a handle that is another account's, or
/// goes on after a restart.
struct RegistrationChanged {
  std::string handle;
  /// The account is made.
  std::optional<UserId> user;
  /// Not yet: the handle moves here then, unless its owner objects. The client asks again by itself.
  std::optional<Timestamp> moves_at;
  /// It was refused for good, as `Client::register_account` says; the store has no account.
  std::optional<Error> problem;
};

/// Somebody else has proved that the handle of this account is theirs. With neither `moves_at` nor `moved`, that is
/// over and the handle stays.
struct HandleClaimed {
  std::string handle;
  /// It moves to their account then, unless `Client::keep_handle` is called.
  std::optional<Timestamp> moves_at;
  /// It has moved. This account keeps its userId, its chats and all that is in them, and has no handle any more.
  bool moved = false;
};

/// A handle under which one user was met leads to another one: the person has a new account, or the phone number has a
/// new owner. Told once, when `Client::find_user` finds it. Chats do not follow by themselves: who is sure of the new
/// user can call `Client::replace_participant`.
struct HandleMoved {
  std::string handle;
  UserId old_user;
  UserId new_user;
};

}  // namespace sotto
