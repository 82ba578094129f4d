#include "client/tables/event_table.h"

#include "base/try.h"

namespace sotto::client {

namespace {

EventRow of_message(LoggedKind kind, const Message& message) {
  return {0, kind, message.chat, message.sender, message.id};
}

}  // namespace

std::optional<EventRow> event_row(const Event& event) {
  if (const auto* changed = std::get_if<ChatChanged>(&event)) {
    return EventRow{0, LoggedKind::chat_changed, changed->chat.id, {}, {}};
  }
  if (const auto* added = std::get_if<MessageAdded>(&event)) {
    return of_message(LoggedKind::message_added, added->message);
  }
  if (const auto* changed = std::get_if<MessageChanged>(&event)) {
    return of_message(LoggedKind::message_changed, changed->message);
  }
  return std::nullopt;
}

Status EventTable::append(std::span<const EventRow> rows, std::size_t most) {
  if (rows.empty()) return {};
  for (const auto& row : rows) {
    SOTTO_TRY(db_.run("INSERT INTO event(kind, chat_id, sender_user, client_message_id) VALUES(?, ?, ?, ?)", row.kind,
                      row.chat, row.sender, row.message));
  }
  // Cursors have no holes but by releases, which take from the front.
  const auto first_kept = db_.last_insert_id() - static_cast<std::int64_t>(most) + 1;
  SOTTO_TRY(db_.run("DELETE FROM event WHERE cursor < ?", first_kept));
  if (db_.changes() == 0) return {};
  return db_.run(
      "UPDATE event SET kind = ?, chat_id = NULL, sender_user = NULL, client_message_id = NULL WHERE cursor = ?",
      LoggedKind::lost, first_kept);
}

Status EventTable::release(EventCursor up_to) {
  SOTTO_TRY_ASSIGN(const auto newest, last());
  if (up_to < 0 || up_to > newest) return Error(ErrorCode::INVALID_ARGUMENT, "no event has this cursor yet");
  return db_.run("DELETE FROM event WHERE cursor <= ?", up_to);
}

Result<std::vector<EventRow>> EventTable::page(EventCursor after, std::size_t limit) {
  std::vector<EventRow> out;
  SOTTO_TRY(
      db_.query("SELECT cursor, kind, chat_id, sender_user, client_message_id FROM event WHERE cursor > ? "
                "ORDER BY cursor LIMIT ?",
                after, limit, [&](const store::Row& row) {
                  out.push_back({row.integer(0), row.get<LoggedKind>(1), row.get<std::optional<ChatId>>(2),
                                 row.get<std::optional<UserId>>(3), row.get<std::optional<ClientMessageId>>(4)});
                }));
  return out;
}

Result<EventCursor> EventTable::last() {
  SOTTO_TRY_ASSIGN(const auto found, db_.one<EventCursor>("SELECT seq FROM sqlite_sequence WHERE name = 'event'"));
  return found.value_or(0);
}

Status EventTable::note_pause() {
  SOTTO_TRY_ASSIGN(const auto newest, last());
  if (newest == 0) return {};
  SOTTO_TRY_ASSIGN(const auto kind, db_.one<LoggedKind>("SELECT kind FROM event WHERE cursor = ?", newest));
  if (kind == LoggedKind::lost) return {};
  return db_.run("INSERT INTO event(kind) VALUES(?)", LoggedKind::lost);
}

}  // namespace sotto::client
