// A message as an app sees it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sotto/attachment.h"
#include "sotto/error.h"
#include "sotto/types.h"

namespace sotto {

/// Whether a message tells devices that are not connected, by way of the relay's push gateway. Numbers are stable: they
/// are stored.
enum class Urgency : std::uint8_t { normal = 0, high = 1, none = 2 };

/// Where a message is on its way. A message only ever moves down this list. Numbers are stable: they are stored.
enum class MessageState : std::uint8_t {
  /// On this device's disk (or about to be, until the completion of `send`), waiting for its turn or the network.
  queued = 0,
  /// Encrypted and on its way, or waiting for the next try; nobody has confirmed it.
  sending = 2,
  /// The relay has it on disk. ✓
  sent = 3,
  /// Every other participant has it on one of their devices. ✓✓
  delivered = 4,
  /// Every other participant has read it.
  read = 5,
  /// Refused for good; `Message::problem` says why.
  failed = 6,
  /// Written by somebody else.
  received = 7,
};

/// The name of a state in English, for logs and simple apps. Any thread.
SOTTO_API std::string_view to_string(MessageState state) noexcept;

/// What an entry in a chat's history is. Numbers are stable: they are stored.
enum class MessageKind : std::uint8_t {
  text = 0,
  /// Somebody changed the chat; see `Notice`.
  notice = 1,
  /// Something stood here that this device cannot show; see `Message::problem`.
  placeholder = 2,
  /// A kind of a newer version; kept, and shown once the app is updated.
  unknown = 3,
};

/// What a notice tells. Numbers are stable: they are stored.
enum class NoticeKind : std::uint8_t {
  chat_created = 0,
  renamed = 1,
  users_added = 2,
  users_removed = 3,
  admins_changed = 4,
  /// A commit broke a rule; every member ignored it. `Message::sender` is who sent it, if that could be told.
  commit_ignored = 5,
  /// This device cannot follow the chat any more and must rejoin.
  must_rejoin = 6,
};

struct Notice {
  NoticeKind kind = NoticeKind::chat_created;
  /// The users concerned.
  std::vector<UserId> users;
  /// The new name.
  std::string text;
};

/// A snapshot of one entry of a chat's history; a value that does not change by itself.
struct Message {
  ChatId chat;
  /// The id for life: in the store, the API and the events, before and after sending. Notices and placeholders have
  /// one, too.
  ClientMessageId id;
  /// Sorts the entries of one chat; what is not yet sent comes last. Changes once, when the relay has ordered it.
  std::int64_t position = 0;
  MessageKind kind = MessageKind::text;
  MessageState state = MessageState::queued;
  /// Proven by the sender's signature, never taken from the relay. Zero for a placeholder of unknown sender.
  UserId sender;
  DeviceId sender_device;
  /// UTF-8, at most 64 KiB; with attachments their caption, of at most 16 KiB, which may be empty.
  std::string text;
  /// At most 10. A message leaves when all of them are at the relay.
  std::vector<Attachment> attachments;
  Notice notice;
  /// Why it failed, or why it is a placeholder.
  std::optional<Error> problem;
  /// When it was written, by the sender's clock.
  Timestamp sent_at{};
  /// When the relay stored it, by the relay's clock; nothing before that.
  std::optional<Timestamp> stored_at;
  /// Given by the relay, for support; nothing before that.
  std::optional<MessageId> message_id;
};

}  // namespace sotto
