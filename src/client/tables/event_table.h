// The event log's rows: which chat or message an event is about.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sotto/event_log.h"
#include "store/database.h"

namespace sotto::client {

/// Numbers are stable: they are stored.
enum class LoggedKind : std::uint8_t { lost = 0, chat_changed = 1, message_added = 2, message_changed = 3 };

struct EventRow {
  EventCursor cursor = 0;
  LoggedKind kind = LoggedKind::lost;
  std::optional<ChatId> chat;
  std::optional<UserId> sender;
  std::optional<ClientMessageId> message;
};

/// What is kept of an event; nothing of one that is not logged.
std::optional<EventRow> event_row(const Event& event);

class EventTable {
 public:
  explicit EventTable(store::Database& db) : db_(db) {}

  /// Writes rows under the next cursors. Keeps the newest `most`: the oldest of them then says that some are lost.
  Status append(std::span<const EventRow> rows, std::size_t most);
  /// Deletes all up to a cursor. Errors: INVALID_ARGUMENT, if no event was ever logged under it.
  Status release(EventCursor up_to);
  Result<std::vector<EventRow>> page(EventCursor after, std::size_t limit);
  /// The cursor given last, also if its event was released; 0: none ever was.
  Result<EventCursor> last();
  /// The store is used without its log: if it ever had one, what is missed is marked as lost.
  Status note_pause();

 private:
  store::Database& db_;
};

}  // namespace sotto::client
