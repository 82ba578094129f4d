// People as an app sees them: what they show of themselves, whether they are there, and what was read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sotto/types.h"

namespace sotto {

/// What a user shows of itself to those whom it writes to. Encrypted: the relay sees its size and nothing else.
struct Profile {
  /// UTF-8, at most 128 bytes.
  std::string name;
  /// UTF-8, at most 1 KiB.
  std::string about;
  /// A small picture in a format of the app's choice, at most 48 KiB; may be empty.
  std::vector<std::uint8_t> avatar;
  /// ASCII, at most 127 bytes.
  std::string avatar_mime_type;
  friend bool operator==(const Profile&, const Profile&) = default;
};

/// A snapshot of what this store knows of another user.
struct Person {
  UserId user;
  /// The handle under which this store first met the user, or empty.
  std::string handle;
  /// Empty until the user has written something, and its profile has been fetched. Claimed by the user itself: anybody
  /// may take any name.
  Profile profile;
  bool blocked = false;
  /// Whether this user has begun or accepted a chat with them.
  bool known = false;
  /// When they were last heard of as present (`PresenceChanged` tells whether they are now), if they let that be seen.
  std::optional<Timestamp> last_seen;
};

/// What others are told of this user. Whoever does not tell is not told either.
struct PrivacySettings {
  bool typing = true;
  bool presence = true;
  bool read_receipts = true;
  friend bool operator==(const PrivacySettings&, const PrivacySettings&) = default;
};

/// A chat into which somebody brought this user who was not known before. Numbers are stable: they are stored.
enum class ChatRequest : std::uint8_t {
  /// The chat is no request, or was accepted; writing in it accepts it.
  none = 0,
  /// Messages arrive and can be shown; nothing is told of this user there: no receipts of reading, no typing, no
  /// presence, no profile.
  pending = 1,
  /// What arrives is dropped.
  declined = 2,
};

/// What `Client::answer_request` does with a request.
enum class RequestAnswer : std::uint8_t { accept = 0, decline = 1 };

/// How far a message has come with one user.
struct Receipt {
  UserId user;
  /// On one of the user's devices.
  bool delivered = false;
  /// Always false of users who do not tell.
  bool read = false;
};

}  // namespace sotto
