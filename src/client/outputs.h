// What goes into a step of the engine, and what comes out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "sotto/client.h"
#include "wire/message.h"

namespace sotto::client {

// ---- Commands of the app. `done` may be empty.

/// What a registration shows to the relay, if it wants it.
struct Credentials {
  std::string code;
  std::string invite;
  Bytes pin_hash;
};
struct RegisterCommand {
  std::string handle;
  Completion<UserId> done;
  Credentials credentials = {};
};
/// Another handle for the account that there is.
struct ChangeHandleCommand {
  std::string handle;
  Completion<void> done;
  Credentials credentials = {};
};
struct RequestCodeCommand {
  std::string handle;
  Completion<CodeSent> done;
};
/// A request of the account's own that is answered by nothing but success, such as SetPin.
struct AskCommand {
  wire::Request request;
  Completion<void> done;
};
struct FindUserCommand {
  std::string handle;
  Completion<UserId> done;
};
struct CreateChatCommand {
  ChatId chat;
  ChatType type = ChatType::group;
  /// The other users.
  std::vector<UserId> users;
  std::string name;
  Completion<Chat> done;
};
enum class ChangeKind : std::uint8_t { add, remove, rename, refresh, replace };
struct ChangeChatCommand {
  ChatId chat;
  ChangeKind kind = ChangeKind::refresh;
  UserId user;
  std::string name;
  Completion<void> done;
  /// Of a replacement: who comes in the place of `user`.
  UserId successor = {};
};
struct SendCommand {
  Message message;
  std::vector<OutgoingAttachment> attachments;
  Completion<void> done;
  /// Released in the transaction that stores the message.
  std::optional<EventCursor> releases = std::nullopt;
  Urgency urgency = Urgency::normal;
};
struct ReleaseEventsCommand {
  EventCursor up_to = 0;
  Completion<void> done;
};
/// What another message says and shows, once more.
struct ForwardCommand {
  ChatId from;
  ClientMessageId forwarded;
  Message message;
  Completion<void> done;
};
struct TransferCommand {
  ChatId chat;
  ClientMessageId message;
  std::uint32_t index = 0;
  TransferAction action = TransferAction::start;
  Completion<void> done;
};
struct RequestAttachmentCommand {
  ChatId chat;
  ClientMessageId message;
  std::uint32_t index = 0;
  Completion<void> done;
};
struct DownloadPolicyCommand {
  DownloadPolicy policy;
  bool metered = false;
};
struct MarkReadCommand {
  ChatId chat;
  std::optional<ClientMessageId> up_to;
  Completion<void> done;
};
struct AnswerRequestCommand {
  ChatId chat;
  RequestAnswer answer = RequestAnswer::accept;
  Completion<void> done;
};
struct BlockCommand {
  UserId user;
  bool blocked = true;
  Completion<void> done;
};
struct ProfileCommand {
  Profile profile;
  Completion<void> done;
};
struct PrivacyCommand {
  PrivacySettings settings;
  Completion<void> done;
};
/// Neither is stored, and nobody waits for it.
struct AvailableCommand {
  bool available = false;
};
struct TypingCommand {
  ChatId chat;
  bool typing = false;
};
/// The file of an attachment was read: it goes later than what was not.
struct AttachmentUsedCommand {
  std::int64_t media = 0;
};
/// The file of an attachment was to be read, and is gone or damaged.
struct AttachmentLostCommand {
  std::int64_t media = 0;
  Error why;
};
struct SetPushTokenCommand {
  std::string token;
  Urgency at_least = Urgency::normal;
  Completion<void> done;
};
struct DeleteAccountCommand {
  Completion<void> done;
};
struct LogOutCommand {
  LogOutData data = LogOutData::keep;
  Completion<void> done;
};
/// Connect now; or stay offline.
struct ConnectCommand {};
struct DisconnectCommand {};

// ---- What the network says.

struct Connected {};
struct FrameReceived {
  Bytes frame;
};
struct ConnectionLost {
  Error why;
};
/// The same of the connection for attachments.
struct MediaConnected {};
struct MediaFrameReceived {
  Bytes frame;
};
struct MediaConnectionLost {
  Error why;
};
/// Nothing but the passing of time.
struct TimerDue {};

using Input =
    std::variant<RegisterCommand, ChangeHandleCommand, RequestCodeCommand, AskCommand, FindUserCommand,
                 CreateChatCommand, ChangeChatCommand, SendCommand, ForwardCommand, TransferCommand,
                 RequestAttachmentCommand, DownloadPolicyCommand, AttachmentUsedCommand, AttachmentLostCommand,
                 ReleaseEventsCommand, SetPushTokenCommand, DeleteAccountCommand, LogOutCommand, MarkReadCommand,
                 AnswerRequestCommand, BlockCommand, ProfileCommand, PrivacyCommand, AvailableCommand, TypingCommand,
                 ConnectCommand, DisconnectCommand, Connected, FrameReceived, ConnectionLost, MediaConnected,
                 MediaFrameReceived, MediaConnectionLost, TimerDue>;

/// What the network is asked to do with a connection, before the frames are sent.
enum class NetworkAction : std::uint8_t { none, connect, close };

struct MediaOutputs {
  NetworkAction network = NetworkAction::none;
  std::vector<Bytes> frames;
};

struct Outputs {
  /// Of the main connection.
  NetworkAction network = NetworkAction::none;
  /// To be sent, in order.
  std::vector<Bytes> frames;
  /// A frame for the connection that `network` ends, or that ends with the engine: sent before, unless it is empty.
  Bytes farewell;
  /// Of the connection for attachments, in the same way.
  MediaOutputs media;
  /// Completions and events, in order, to be run on the app's executor.
  std::vector<std::function<void()>> callbacks;
  /// The state of the connection, if it changed.
  std::optional<ConnectionState> connection;
  /// The store was emptied: its file can be, too, and nothing that was read of it is true any more.
  bool erased = false;
  /// When the engine wants to be stepped again at the latest.
  std::optional<Timestamp> next_timer;
};

}  // namespace sotto::client
