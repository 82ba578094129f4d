// Chats, their participants, and what this device knows of the senders in them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sotto/chat.h"
#include "store/database.h"
#include "wire/roster.h"

namespace sotto::client {

struct ChatRow {
  ChatId id;
  ChatType type = ChatType::group;
  ChatStatus status = ChatStatus::creating;
  std::uint32_t generation = 1;
  std::string name;
  UserId peer;
  std::string problem;
  std::int64_t created_at = 0;
  std::int64_t last_activity = 0;
  /// Every entry up to here is processed.
  std::uint64_t cursor = 0;
  /// The seq of the last handshake processed, whether applied or skipped.
  std::uint64_t handshake_seq = 0;
  std::uint64_t joined_seq = 0;
  /// The n of this device's next message.
  std::uint64_t next_n = 1;
  /// Seqs of the commits skipped since the last valid one.
  std::vector<std::uint64_t> skipped;
  ChatRequest request = ChatRequest::none;
  /// Who brought this user here; zero if it was its own doing.
  UserId invited_by;
  std::uint32_t unread = 0;
  /// This user has seen everything up to this position, which in the log is that entry.
  std::int64_t read_position = 0;
  std::uint64_t read_seq = 0;

  [[nodiscard]] Chat view() const;
};

class ChatTable {
 public:
  explicit ChatTable(store::Database& db) : db_(db) {}

  Result<std::optional<ChatRow>> find(const ChatId& id);
  Status insert(const ChatRow& row);
  Status update(const ChatRow& row);
  /// The relay's roster, folded from the log; empty before it is known.
  Result<wire::Roster> roster(const ChatId& id);
  Status set_roster(const ChatId& id, const wire::Roster& roster);
  Result<std::vector<ChatId>> with_status(ChatStatus status);
  Status set_last_activity(const ChatId& id, std::int64_t time);
  /// Latest activity first; after the chat with this activity and id.
  Result<std::vector<Chat>> page(std::size_t limit, const std::optional<Chat>& after);

  /// Who is new here has no say about what came before `seq`.
  Status set_participants(const ChatId& chat, const std::set<UserId>& users, const std::set<UserId>& admins,
                          std::uint64_t seq);
  Result<std::vector<Participant>> participants(const ChatId& chat);
  /// Raises a user's delivered seq; false if it was there already.
  Result<bool> raise_delivered(const ChatId& chat, const UserId& user, std::uint64_t seq);
  /// Raises the seq up to which a user has read, and with it the delivered one; false if it was there already.
  Result<bool> raise_read(const ChatId& chat, const UserId& user, std::uint64_t seq);
  /// Up to which seq all participants but one have received and read; zeros if there is no other.
  struct Reached {
    std::uint64_t delivered = 0;
    std::uint64_t read = 0;
  };
  Result<Reached> reached_by_all_but(const ChatId& chat, const UserId& self);
  /// Of each participant but one.
  Result<std::vector<std::pair<UserId, Reached>>> reached_by_each_but(const ChatId& chat, const UserId& self);

  // How far this user has read, as far as others are told of it.
  /// Chats in which the relay has not been told of the newest mark.
  Result<std::vector<ChatId>> with_untold_mark();
  Result<std::uint64_t> told_mark(const ChatId& chat);
  Status set_told_mark(const ChatId& chat, std::uint64_t seq);

  /// Active direct chats that are no requests, with peers who are not blocked: latest activity first.
  Result<std::vector<ChatId>> direct_chats(std::size_t limit);

  /// The n expected of a device, or nothing if any may come.
  Result<std::optional<std::uint64_t>> expected_n(const ChatId& chat, const DeviceId& device);
  Status set_expected_n(const ChatId& chat, const DeviceId& device, std::uint64_t n);
  /// Notes that a message did not open; and takes the notes below `n`, telling how many there were.
  Status add_unopened(const ChatId& chat, const DeviceId& device, std::uint64_t n);
  Result<std::uint64_t> take_unopened(const ChatId& chat, const DeviceId& device, std::uint64_t below);
  /// Takes the next n of each device as it comes.
  Status forget_senders(const ChatId& chat);

 private:
  store::Database& db_;
};

/// What the app sees of a chat is derived from the columns of `chat_columns`, read by the engine and by readers alike.
Chat read_chat(const store::Row& row);
extern const std::string_view chat_columns;

}  // namespace sotto::client
