// Chats in memory: fold, cursors and newest entries, loaded when first asked for, dropped when unused or in doubt.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relay/backend/backend.h"
#include "relay/batch.h"
#include "relay/chat_fold.h"
#include "relay/records.h"
#include "sotto/log.h"

namespace sotto::relay {

struct Cursor {
  CursorRecord record;
  std::uint64_t revision = 0;
};

/// A user's newest read mark.
struct ReadMark {
  ReadMarkRecord record;
  std::uint64_t revision = 0;
};

struct Chat {
  enum class State { loading, ready, failed };

  ChatId id;
  State state = State::loading;
  std::uint64_t used = 0;

  /// With the appends of the present batch; the log's own head is `durable_head`.
  ChatFold fold;
  std::uint64_t durable_head = 0;
  /// First seq that the log still has, and what its snapshot stands for.
  std::uint64_t first = 1;
  std::uint64_t snapshot_seq = 0;

  std::map<DeviceRef, Cursor> cursors;
  std::set<DeviceRef> dirty_cursors;
  std::map<UserId, ReadMark> read_marks;
  std::set<UserId> dirty_read_marks;

  /// The newest entries, without holes up to fold.head.
  std::deque<LogEntryAt> recent;
  std::size_t recent_bytes = 0;

  /// Users whose delivery receipt is to be told, and when the last ones were.
  std::set<UserId> receipts;
  std::uint64_t receipts_at = 0;
  /// Due times of the core's timers; 0 for none.
  std::uint64_t receipt_due = 0;
  std::uint64_t trim_due = 0;

  /// Everything up to here has expired, and the notes of it that go with its trim.
  std::uint64_t expired = 0;
  std::vector<RecordKey> expiry_notes;
  /// The last period in which it was noted that the chat will have entries to expire.
  std::uint64_t expiry_period = 0;

  /// Searches for a message that was accepted before, by sender and n.
  struct Search {
    bool running = false;
    bool failed = false;
    std::shared_ptr<const StoredEntry> found;
    std::uint64_t seq = 0;
  };
  std::map<std::pair<DeviceRef, std::uint64_t>, Search> searches;

  [[nodiscard]] std::uint64_t acked(const DeviceRef& device) const;
  /// The highest that any of a user's devices has acked.
  [[nodiscard]] std::uint64_t delivered(const UserId& user) const;
  /// When a user's devices last acked, in milliseconds since 1970.
  [[nodiscard]] std::uint64_t delivered_time(const UserId& user) const;
  /// Everything below this was acked by all who were owed it.
  [[nodiscard]] std::uint64_t lowest_needed() const;
  /// The entry, if it is among the newest.
  [[nodiscard]] const LogEntryAt* find_recent(std::uint64_t seq) const;
  void push_recent(LogEntryAt entry);
  void drop_recent(std::uint64_t up_to);

  /// Entries of `recent` that are kept.
  static constexpr std::size_t recent_entries = 64;
  static constexpr std::size_t recent_most_bytes = 256 * 1024;
  /// From so many members on, an encoded entry is kept for the next who gets it.
  static constexpr std::size_t members_that_share = 4;
};

/// What a request depends on that looked at a chat.
Dependency chat_dependency(const ChatId& chat);

class ChatCache {
 public:
  ChatCache(Backend& backend, Batch& batch, std::size_t limit, std::size_t entry_bytes)
      : backend_(backend), batch_(batch), limit_(limit), entry_bytes_(entry_bytes) {}
  ChatCache(const ChatCache&) = delete;
  ChatCache& operator=(const ChatCache&) = delete;

  /// The chat, also one that does not exist (its fold then says so). The pointer is good until the step ends.
  Need<Chat> need(const ChatId& id);
  /// The chat if it is in memory and loaded.
  Chat* find(const ChatId& id);
  /// Forgets a chat whose writes failed.
  void drop(const ChatId& id) { chats_.erase(id); }
  /// The chats that were loaded since the last call.
  std::vector<ChatId> take_loaded() { return std::exchange(loaded_, {}); }
  /// Queues the cursors and read marks that changed.
  void flush_cursors(Chat& chat);
  [[nodiscard]] std::size_t size() const { return chats_.size(); }

  /// Called at the end of each step.
  void sweep(std::uint64_t step);

 private:
  using ChatPtr = std::shared_ptr<Chat>;
  struct Loading;
  void load(const ChatPtr& chat);
  void load_log(const std::shared_ptr<Loading>& loading);
  void read_tail(const std::shared_ptr<Loading>& loading);
  /// Queues one of a chat's records; its revision follows.
  template <typename Id, typename Kept>
  void put(Chat& chat, RecordKey key, std::map<Id, Kept> Chat::*all, const Id& which);
  static bool take_cursor_or_mark(Chat& chat, const Record& record);
  void load_cursors(const std::shared_ptr<Loading>& loading, RecordKey after);
  void finish(Loading& loading, bool ok);

  Backend& backend_;
  Batch& batch_;
  std::size_t limit_;
  std::size_t entry_bytes_;
  std::unordered_map<ChatId, ChatPtr> chats_;
  std::vector<ChatId> failed_;
  std::vector<ChatId> loaded_;
  std::uint64_t step_ = 1;
};

}  // namespace sotto::relay
