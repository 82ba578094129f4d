// Migration 6 of the client's store: what people show of themselves and are told of each other. Never edited: what
// comes later is a migration of its own.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0006_people = R"sql(
ALTER TABLE chat ADD COLUMN request INTEGER NOT NULL DEFAULT 0;       -- ChatRequest
ALTER TABLE chat ADD COLUMN invited_by BLOB;
ALTER TABLE chat ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chat ADD COLUMN read_position INTEGER NOT NULL DEFAULT 0; -- this user has seen everything up to here,
ALTER TABLE chat ADD COLUMN read_seq INTEGER NOT NULL DEFAULT 0;      -- which in the log is this entry,
ALTER TABLE chat ADD COLUMN read_told INTEGER NOT NULL DEFAULT 0;     -- and the relay was told of this one
CREATE INDEX chat_untold ON chat(chat_id) WHERE read_seq > read_told;

-- By the relay's clock: what others had received and read before this was told in a session that got to its end.
ALTER TABLE account ADD COLUMN receipts_since INTEGER NOT NULL DEFAULT 0;

ALTER TABLE participant ADD COLUMN read_seq INTEGER NOT NULL DEFAULT 0;
-- 4 is MessageState::delivered.
CREATE INDEX message_delivered ON message(chat_id, seq) WHERE state = 4;

-- The keys of a chat's signals, of its newest epochs: a read mark may have been sealed some epochs ago.
CREATE TABLE signal_key(
  chat_id BLOB NOT NULL,
  generation INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  key BLOB NOT NULL,
  PRIMARY KEY(chat_id, generation, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE person(
  user_id BLOB PRIMARY KEY,
  known INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  last_seen INTEGER,
  profile_key BLOB,
  profile_version INTEGER NOT NULL,   -- that they last told of
  profile_wanted INTEGER NOT NULL,    -- it is to be fetched
  profile BLOB                        -- wire.Profile, as last fetched
) STRICT, WITHOUT ROWID;
CREATE INDEX person_blocked ON person(user_id) WHERE blocked = 1;
CREATE INDEX person_wanted ON person(user_id) WHERE profile_wanted = 1;

-- What this user shows and tells; one row, or none before anything was set.
CREATE TABLE self(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  typing INTEGER NOT NULL,
  presence INTEGER NOT NULL,
  read_receipts INTEGER NOT NULL,
  profile BLOB NOT NULL,              -- wire.Profile
  profile_key BLOB,                   -- NULL: there never was a profile
  profile_version INTEGER NOT NULL,
  profile_told INTEGER NOT NULL,      -- the version that the relay has
  sealed_profile BLOB NOT NULL,       -- as it is sent: the same bytes with each try
  blocks_version INTEGER NOT NULL,    -- goes up with each change of person.blocked
  blocks_told INTEGER NOT NULL
) STRICT;
)sql";

}  // namespace sotto::client::migrations
