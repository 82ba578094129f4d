// Migration 3 of the client's store: the event log.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0003_event_log = R"sql(
-- What the app was or will be told, in order, until it is released. Empty unless the app asked for a log.
CREATE TABLE event(
  cursor INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,              -- LoggedKind
  chat_id BLOB,                       -- NULL: of events that are lost
  sender_user BLOB,                   -- with the next one, the message; NULL: of a chat
  client_message_id BLOB
) STRICT;
)sql";

}  // namespace sotto::client::migrations
