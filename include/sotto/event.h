// What a client tells its app without being asked.
#pragma once

#include <variant>

#include "sotto/account.h"
#include "sotto/chat.h"
#include "sotto/error.h"
#include "sotto/message.h"

namespace sotto {

/// The state of the connection to the relay.
enum class ConnectionState : std::uint8_t {
  /// Not connected; `ConnectionChanged::problem` says why, and it is tried again by itself.
  offline = 0,
  connecting = 1,
  /// Authenticated; what was missed is being fetched.
  catching_up = 2,
  /// Everything that was sent to this device before it connected is here.
  online = 3,
};

/// The name of a state in English. Any thread.
SOTTO_API std::string_view to_string(ConnectionState state) noexcept;

struct ConnectionChanged {
  ConnectionState state = ConnectionState::offline;
  std::optional<Error> problem;
};
/// A chat is new, or its status, name, participants or problem changed.
struct ChatChanged {
  Chat chat;
};
/// A message, notice or placeholder is new in the store.
struct MessageAdded {
  Message message;
};
/// A message changed its state, position or content (a placeholder that was filled).
struct MessageChanged {
  Message message;
};

/// More of an attachment was encrypted, uploaded or downloaded. Told now and then, about a hundred times a file; its
/// ends are told as MessageChanged.
struct AttachmentProgress {
  ChatId chat;
  ClientMessageId message;
  std::uint32_t index = 0;
  /// Bytes of the ciphertext, as in `Attachment`.
  std::uint64_t transferred = 0;
  std::uint64_t total = 0;
};

/// Somebody began to write, or stopped. Ends by itself when nothing more is heard for some seconds.
struct TypingChanged {
  ChatId chat;
  UserId user;
  bool typing = false;
};
/// Somebody with whom there is a direct chat came or left.
struct PresenceChanged {
  UserId user;
  bool available = false;
  std::optional<Timestamp> last_seen;
};
/// A person's profile changed, or whether they are blocked.
struct PersonChanged {
  UserId user;
};
/// A user has received or read more of a chat than before: `Client::receipts` of its messages may say more.
struct ReceiptsChanged {
  ChatId chat;
  UserId user;
};

/// Events arrive in the order in which the store changed, each after its change is on disk. More kinds may come with
/// later versions.
using Event =
    std::variant<ConnectionChanged, ChatChanged, MessageAdded, MessageChanged, AttachmentProgress, TypingChanged,
                 PresenceChanged, PersonChanged, ReceiptsChanged, RegistrationChanged, HandleClaimed, HandleMoved>;

}  // namespace sotto
