#include "client/event_log.h"

#include "base/try.h"
#include "client/tables/chat_table.h"
#include "client/tables/event_table.h"
#include "client/tables/message_table.h"

namespace sotto::client {

namespace {

/// Nothing if what it is about is not in the store any more.
Result<std::optional<LoggedEvent>> resolve(store::Database& db, const EventRow& row) {
  LoggedEvent out{row.cursor, EventsLost{}};
  if (row.kind == LoggedKind::lost) return std::optional(out);
  if (!row.chat) return Error(ErrorCode::CORRUPT, "an event about nothing");
  if (row.kind == LoggedKind::chat_changed) {
    SOTTO_TRY_ASSIGN(const auto chat, ChatTable(db).find(*row.chat));
    if (!chat) return std::optional<LoggedEvent>();
    out.what = ChatChanged{chat->view()};
    return std::optional(std::move(out));
  }
  if (!row.sender || !row.message) return Error(ErrorCode::CORRUPT, "an event about nothing");
  SOTTO_TRY_ASSIGN(auto message, MessageTable(db).find(*row.chat, *row.sender, *row.message));
  if (!message) return std::optional<LoggedEvent>();
  switch (row.kind) {
    case LoggedKind::message_added:
      out.what = MessageAdded{std::move(*message)};
      break;
    case LoggedKind::message_changed:
      out.what = MessageChanged{std::move(*message)};
      break;
    default:
      return Error(ErrorCode::CORRUPT, "an event of an unknown kind");
  }
  return std::optional(std::move(out));
}

}  // namespace

Result<std::vector<LoggedEvent>> read_events(store::Database& db, EventCursor after, std::size_t limit) {
  SOTTO_TRY_ASSIGN(const auto last, EventTable(db).last());
  if (after < 0 || after > last) return Error(ErrorCode::INVALID_ARGUMENT, "no event has this cursor yet");
  std::vector<LoggedEvent> out;
  // What is gone is passed over, so a page is short only at the log's end.
  for (bool more = true; more && out.size() < limit;) {
    SOTTO_TRY_ASSIGN(const auto rows, EventTable(db).page(after, limit - out.size()));
    more = !rows.empty();
    for (const auto& row : rows) {
      after = row.cursor;
      SOTTO_TRY_ASSIGN(auto event, resolve(db, row));
      if (event) out.push_back(std::move(*event));
    }
  }
  return out;
}

}  // namespace sotto::client
