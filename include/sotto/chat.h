// A chat as an app sees it.
#pragma once

#include <string>
#include <vector>

#include "sotto/people.h"
#include "sotto/types.h"

namespace sotto {

/// A direct chat has two users for ever and no name; a group has up to 100 users, a name and admins.
enum class ChatType : std::uint8_t { direct = 0, group = 1 };

/// What can be done in a chat now. Numbers are stable: they are stored.
enum class ChatStatus : std::uint8_t {
  /// The relay has not confirmed it yet. Messages can be written and wait.
  creating = 0,
  /// Messages go out and come in.
  active = 1,
  /// This device cannot follow the chat's keys: it neither commits nor encrypts until it has rejoined. Messages can be
  /// written and wait.
  must_rejoin = 2,
  /// The chat uses rules that this version of the library does not know. Messages can be written and wait.
  update_needed = 3,
  /// This user was removed. What was received stays readable.
  removed = 4,
  /// It could not be created; `Chat::problem` says why.
  failed = 5,
};

/// The name of a status in English, for logs and simple apps. Any thread.
SOTTO_API std::string_view to_string(ChatStatus status) noexcept;

/// A snapshot of a chat; a value that does not change by itself.
struct Chat {
  ChatId id;
  ChatType type = ChatType::group;
  ChatStatus status = ChatStatus::creating;
  /// UTF-8; empty in a direct chat. Encrypted: the relay does not know it.
  std::string name;
  /// In a direct chat, the other user.
  UserId peer;
  Timestamp created_at{};
  /// When the newest message was added; for sorting.
  Timestamp last_activity{};
  /// Commits and encrypts nothing for this reason; empty if there is none.
  std::string problem;
  /// Messages of others beyond the read mark (`Client::mark_read`). Each `MessageAdded` of another's text adds one;
  /// `ChatChanged` tells when it falls.
  std::uint32_t unread = 0;
  ChatRequest request = ChatRequest::none;
  /// Who brought this user here; zero in chats that this user began.
  UserId invited_by;
};

/// A user in a chat.
struct Participant {
  UserId user;
  bool admin = false;
  /// The handle under which this store first met the user, or empty.
  std::string handle;
};

/// The outcome of a participants change in `Client::modify_participants`.
enum class ParticipantOperation : std::uint8_t { add = 1, remove = 2 };

}  // namespace sotto
