// Migration 10 of the client's store: another handle for the account. Never edited.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0010_handle_change = R"sql(
-- The handle that the account is to have, until the relay has given or refused it.
CREATE TABLE handle_change(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  handle TEXT NOT NULL,
  code TEXT NOT NULL,                 -- what is shown for it
  invite TEXT NOT NULL,
  pin_hash BLOB NOT NULL,
  moves_at INTEGER NOT NULL           -- when it moves here; 0: unknown
) STRICT;
)sql";

}  // namespace sotto::client::migrations
