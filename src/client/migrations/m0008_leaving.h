// Migration 8 of the client's store: push, and the end of an account. Never edited: what comes later is a migration of
// its own.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0008_leaving = R"sql(
-- Where a push gateway finds this device.
CREATE TABLE push_token(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  token TEXT NOT NULL,                -- empty: nowhere
  at_least INTEGER NOT NULL,          -- Urgency
  told_to BLOB                        -- the incarnation of the relay that knows it
) STRICT;

-- The account is about to end, or the device is logged out.
CREATE TABLE leaving(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  kind INTEGER NOT NULL               -- LeavingKind
) STRICT;

ALTER TABLE outbox ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
)sql";

}  // namespace sotto::client::migrations
