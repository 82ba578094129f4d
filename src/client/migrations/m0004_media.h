// Migration 4 of the client's store: attachments. Never edited: what comes later is a migration of its own.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0004_media = R"sql(
-- The bytes of attachments: ciphertext, in the file of this number in the folder media.
CREATE TABLE media(
  media_id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL,             -- MediaState
  paused INTEGER NOT NULL,
  attachment_id BLOB,                 -- at the relay; NULL until it is encrypted
  key BLOB,                           -- NULL until it is encrypted
  hash BLOB,                          -- SHA-256 of the ciphertext; NULL until it is encrypted
  size INTEGER NOT NULL,              -- of the plaintext
  source TEXT,                        -- the file to encrypt
  fetched INTEGER NOT NULL,           -- bytes of the ciphertext in the file, synced
  hash_state BLOB,                    -- SHA-256 of these, to go on with
  used_at INTEGER NOT NULL,
  problem_code INTEGER NOT NULL,      -- 0: none
  problem_text TEXT NOT NULL
) STRICT;
CREATE INDEX media_by_state ON media(state, media_id);
CREATE INDEX media_by_attachment ON media(attachment_id) WHERE attachment_id IS NOT NULL;

-- Files to be removed: before anything is written into a file of this number again.
CREATE TABLE media_trash(
  media_id INTEGER PRIMARY KEY
) STRICT;

-- Which message shows which.
CREATE TABLE attachment(
  chat_id BLOB NOT NULL,
  sender_user BLOB NOT NULL,
  client_message_id BLOB NOT NULL,
  idx INTEGER NOT NULL,
  media_id INTEGER NOT NULL,
  ready INTEGER NOT NULL,             -- of an own one: the relay has it and knows of this message's readers
  PRIMARY KEY(chat_id, sender_user, client_message_id, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_by_media ON attachment(media_id);
CREATE INDEX attachment_unready ON attachment(media_id) WHERE ready = 0;
)sql";

}  // namespace sotto::client::migrations
