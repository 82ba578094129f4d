// The account of a store, how it is made, and what becomes of its handle.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sotto/error.h"
#include "sotto/types.h"

namespace sotto {

/// The account of this store.
struct Account {
  UserId user;
  DeviceId device;
  /// Empty once it has moved to another account (`HandleClaimed::moved`).
  std::string handle;
  /// `log_out` was called, and `connect` not since.
  bool logged_out = false;
};

/// What becomes of the data on this device when it logs out.
enum class LogOutData : std::uint8_t { keep = 0, erase = 1 };

/// What a relay may want of a registration, or for another handle; which of it is the relay's business
/// (docs/operating.md).
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

/// A registration, or a change of the handle (`Client::change_handle`), that its completion does not tell the end of:
/// it waits for a handle that is another account's, or goes on after a restart.
struct RegistrationChanged {
  std::string handle;
  /// The account is made, or has the handle now.
  std::optional<UserId> user;
  /// Not yet: the handle moves here then, unless its owner objects. The client asks again by itself.
  std::optional<Timestamp> moves_at;
  /// It was refused for good, as `Client::register_account` says. The store has no account; or, where the handle was to
  /// change, the one that it had, as it was (`Client::account`).
  std::optional<Error> problem;
};

/// Somebody else has proved that the handle of this account is theirs. With neither `moves_at` nor `moved`, that is
/// over and the handle stays.
struct HandleClaimed {
  std::string handle;
  /// It moves to their account then, unless `Client::keep_handle` is called.
  std::optional<Timestamp> moves_at;
  /// It has moved. This account keeps its userId, its chats and all that is in them, and has no handle any more, until
  /// `Client::change_handle` gives it another one.
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
