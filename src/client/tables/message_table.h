// Messages, notices and placeholders.
#pragma once

#include <optional>
#include <vector>

#include "sotto/message.h"
#include "store/database.h"

namespace sotto::client {

/// Where entries of a chat stand: by seq, with room beside each for what it brings along; what has no seq comes last.
namespace position {
inline constexpr std::int64_t per_seq = 1024;
inline constexpr std::int64_t main_offset = 512;
inline constexpr std::int64_t waiting = std::int64_t{1} << 61;
/// Seqs of a relay above this are refused: positions would overflow.
inline constexpr std::uint64_t highest_seq = (std::uint64_t{1} << 50) - 1;

inline std::int64_t of_entry(std::uint64_t seq) { return static_cast<std::int64_t>(seq) * per_seq + main_offset; }
inline std::int64_t of_waiting(std::int64_t place) { return waiting + place; }
inline std::int64_t place_of(std::int64_t position) { return position - waiting; }
}  // namespace position

/// A message with what the app does not see.
struct MessageRow {
  Message message;
  std::optional<std::uint64_t> seq;
  /// wire.Content of a text or unknown kind, wire.StoredNotice of a notice.
  Bytes content;
};

class MessageTable {
 public:
  explicit MessageTable(store::Database& db) : db_(db) {}

  Status insert(const MessageRow& row);
  /// An own message before one that somebody else gave the same id; none that is hidden.
  Result<std::optional<Message>> find(const ChatId& chat, const ClientMessageId& id);
  Result<std::optional<Message>> find(const ChatId& chat, const UserId& sender, const ClientMessageId& id);
  Status set_content(const ChatId& chat, const UserId& sender, const ClientMessageId& id, ByteView content);
  Result<Bytes> content(const ChatId& chat, const UserId& sender, const ClientMessageId& id);
  /// Newest first, without what is hidden.
  Result<std::vector<Message>> page(const ChatId& chat, const std::optional<std::int64_t>& before, std::size_t limit);

  /// Moves an own message on; a state never goes back. False if it was there already.
  Result<bool> raise_state(const ChatId& chat, const UserId& sender, const ClientMessageId& id, MessageState state);
  /// The relay has it: gives it its place in the log.
  Status set_accepted(const ChatId& chat, const UserId& sender, const ClientMessageId& id, std::uint64_t seq,
                      const MessageId& message_id, std::optional<std::int64_t> stored_at);
  Status set_failed(const ChatId& chat, const UserId& sender, const ClientMessageId& id, const Error& why);
  /// Own messages up to these seqs become `delivered` and `read`, if they are not yet; returns them, oldest first.
  Result<std::vector<Message>> mark_reached(const ChatId& chat, std::uint64_t delivered, std::uint64_t read);
  /// Messages of others after a position, as far as `Chat::unread` counts them.
  Result<std::uint32_t> count_unread(const ChatId& chat, std::int64_t after);
  /// The position of the newest entry that is in the log; 0 if there is none.
  Result<std::int64_t> newest_position(const ChatId& chat);

 private:
  store::Database& db_;
};

}  // namespace sotto::client
