// Migration 1 of the client's store. Never edited: what comes later is a migration of its own.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0001_initial = R"sql(
-- The account and this device; one row.
CREATE TABLE account(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  handle TEXT NOT NULL,
  user_id BLOB NOT NULL,
  identity_private BLOB NOT NULL,
  identity_public BLOB NOT NULL,
  device_id BLOB NOT NULL,
  device_private BLOB NOT NULL,
  device_public BLOB NOT NULL,
  era INTEGER NOT NULL,
  device_list BLOB NOT NULL,          -- wire.SignedDeviceList
  registered INTEGER NOT NULL,
  session INTEGER NOT NULL,           -- grows with every main connection, before it is used
  ack_no INTEGER NOT NULL,            -- grows with every transaction that moves a cursor
  rolled_back INTEGER NOT NULL,       -- the relay says that this is an old copy: its ratchets are not used again
  incarnation BLOB,                   -- of the relay's store
  next_place INTEGER NOT NULL         -- order of what is not in a log yet
) STRICT;

-- Key packages that were published, with their private keys.
CREATE TABLE key_package(
  ref BLOB PRIMARY KEY,
  bundle BLOB NOT NULL,
  last_resort INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Users met so far; the identity key is pinned.
CREATE TABLE user(
  user_id BLOB PRIMARY KEY,
  handle TEXT,
  identity_key BLOB NOT NULL,
  list_version INTEGER NOT NULL,      -- the highest seen
  device_list BLOB,
  first_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE chat(
  chat_id BLOB PRIMARY KEY,
  type INTEGER NOT NULL,              -- ChatType
  status INTEGER NOT NULL,            -- ChatStatus
  generation INTEGER NOT NULL,
  name TEXT NOT NULL,
  peer BLOB,
  problem TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_activity INTEGER NOT NULL,
  cursor INTEGER NOT NULL,            -- every entry up to here is processed
  handshake_seq INTEGER NOT NULL,     -- the last handshake processed
  joined_seq INTEGER NOT NULL,
  next_n INTEGER NOT NULL,            -- the n of the next message of this device
  skipped BLOB NOT NULL               -- seqs of commits skipped since the last valid one, 8 bytes each
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_by_activity ON chat(last_activity, chat_id);

-- Apart from the chat, so that a message rewrites only the small row.
CREATE TABLE roster(
  chat_id BLOB PRIMARY KEY,
  roster BLOB NOT NULL                -- wire.StoredRoster: the relay's roster, folded from the log
) STRICT, WITHOUT ROWID;

CREATE TABLE participant(
  chat_id BLOB NOT NULL,
  user_id BLOB NOT NULL,
  admin INTEGER NOT NULL,
  delivered_seq INTEGER NOT NULL,     -- highest seq that one of the user's devices has acked
  PRIMARY KEY(chat_id, user_id)
) STRICT, WITHOUT ROWID;

-- The n that the next message of another device should have; no row: not known.
CREATE TABLE sender(
  chat_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  next_n INTEGER NOT NULL,
  PRIMARY KEY(chat_id, device_id)
) STRICT, WITHOUT ROWID;

-- Messages that did not open, by what the relay and their clear header say of them: shown already, so not missing.
CREATE TABLE unopened(
  chat_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY(chat_id, device_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE message(
  chat_id BLOB NOT NULL,
  position INTEGER NOT NULL,
  client_message_id BLOB NOT NULL,
  sender_user BLOB NOT NULL,
  sender_device BLOB NOT NULL,
  kind INTEGER NOT NULL,              -- MessageKind
  state INTEGER NOT NULL,             -- MessageState
  content BLOB NOT NULL,              -- wire.Content, or wire.StoredNotice of a notice
  problem_code INTEGER NOT NULL,      -- 0: none
  problem_text TEXT NOT NULL,
  sent_at INTEGER NOT NULL,
  stored_at INTEGER,
  seq INTEGER,
  message_id BLOB,
  PRIMARY KEY(chat_id, position),
  UNIQUE(chat_id, sender_user, client_message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_sent ON message(chat_id, seq) WHERE state = 3;

-- Own messages that the relay has not confirmed, in the order in which they were written.
CREATE TABLE outbox(
  chat_id BLOB NOT NULL,
  place INTEGER NOT NULL,
  client_message_id BLOB NOT NULL,
  n INTEGER,                          -- given when it is first encrypted
  ciphertext BLOB,                    -- what every retry sends again, byte for byte
  generation INTEGER,
  after_handshake INTEGER,
  PRIMARY KEY(chat_id, place),
  UNIQUE(chat_id, client_message_id)
) STRICT, WITHOUT ROWID;

-- What this user wants to change in a chat, until the log says that it is so.
CREATE TABLE intent(
  intent_id INTEGER PRIMARY KEY AUTOINCREMENT,
  chat_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  user_id BLOB,
  text TEXT,
  packages BLOB,                      -- wire.StoredPackages
  request BLOB,                       -- wire.StoredRequest
  stub_hash BLOB,                     -- what the stub of the staged commit will show
  commit_id BLOB,                     -- of the staged commit in the MLS group
  attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX intent_by_chat ON intent(chat_id, intent_id);

-- MLS state, piece by piece (mls::GroupStorage).
CREATE TABLE mls(
  chat_id BLOB NOT NULL,
  generation INTEGER NOT NULL,
  kind INTEGER NOT NULL,              -- mls::Table
  epoch INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  sub INTEGER NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY(chat_id, generation, kind, epoch, idx, sub)
) STRICT, WITHOUT ROWID;
)sql";

}  // namespace sotto::client::migrations
