// Migration 5 of the client's store: attachments that were asked for again. Never edited.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0005_attachment_requests = R"sql(
-- Which device asked for which attachment, and when: its own requests, and those of others for own attachments.
CREATE TABLE attachment_request(
  chat_id BLOB NOT NULL,
  sender_user BLOB NOT NULL,          -- of the message that shows it
  client_message_id BLOB NOT NULL,
  idx INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  asked_at INTEGER NOT NULL,
  waiting INTEGER NOT NULL,           -- an own one that is not answered yet
  PRIMARY KEY(chat_id, sender_user, client_message_id, idx, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_request_by_device ON attachment_request(device_id, asked_at);
)sql";

}  // namespace sotto::client::migrations
