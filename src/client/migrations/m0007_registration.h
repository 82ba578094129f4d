// Migration 7 of the client's store: what a registration shows, and what becomes of the handle. Never edited: what
// comes later is a migration of its own.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0007_registration = R"sql(
-- Until the relay has the account; then empty.
ALTER TABLE account ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN invite TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN pin_hash BLOB;
-- When the handle moves here, or of a registered account, away from here; 0: it does not.
ALTER TABLE account ADD COLUMN handle_moves_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN handle_moved INTEGER NOT NULL DEFAULT 0;  -- it is another account's now

CREATE INDEX user_by_handle ON user(handle) WHERE handle IS NOT NULL;
)sql";

}  // namespace sotto::client::migrations
