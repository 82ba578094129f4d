// What goes into a step of the engine, and what comes out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "sotto/client.h"

namespace sotto::client {

// ---- Commands of the app. `done` may be empty.

struct RegisterCommand {
  std::string handle;
  Completion<UserId> done;
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
enum class ChangeKind : std::uint8_t { add, remove, rename, refresh };
struct ChangeChatCommand {
  ChatId chat;
  ChangeKind kind = ChangeKind::refresh;
  UserId user;
  std::string name;
  Completion<void> done;
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
struct DownloadPolicyCommand {
  DownloadPolicy policy;
  bool metered = false;
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
    std::variant<RegisterCommand, FindUserCommand, CreateChatCommand, ChangeChatCommand, SendCommand, ForwardCommand,
                 TransferCommand, DownloadPolicyCommand, ReleaseEventsCommand, SetPushTokenCommand,
                 DeleteAccountCommand, LogOutCommand, ConnectCommand, DisconnectCommand, Connected, FrameReceived,
                 ConnectionLost, MediaConnected, MediaFrameReceived, MediaConnectionLost, TimerDue>;

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
