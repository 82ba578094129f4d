#include "client/tables/request_table.h"

#include "base/try.h"

namespace sotto::client {

Status RequestTable::put(const RequestRow& row) {
  return db_.run(
      "INSERT OR REPLACE INTO attachment_request(chat_id, sender_user, client_message_id, idx, device_id, asked_at, "
      "waiting) VALUES(?, ?, ?, ?, ?, ?, ?)",
      row.of.chat, row.of.sender, row.of.message, row.of.index, row.device, row.asked_at, row.waiting);
}

Result<std::optional<RequestRow>> RequestTable::find(const AttachmentRef& of, const DeviceId& device) {
  std::optional<RequestRow> out;
  SOTTO_TRY(
      db_.query("SELECT asked_at, waiting FROM attachment_request WHERE chat_id = ? AND sender_user = ? AND "
                "client_message_id = ? "
                "AND idx = ? AND device_id = ?",
                of.chat, of.sender, of.message, of.index, device, [&](const store::Row& row) {
                  out = RequestRow{of, device, row.integer(0), row.get<bool>(1)};
                }));
  return out;
}

Result<bool> RequestTable::waits(const AttachmentRef& of) {
  SOTTO_TRY_ASSIGN(const auto found,
                   db_.one<std::int64_t>("SELECT 1 FROM attachment_request WHERE chat_id = ? AND sender_user = ? AND "
                                         "client_message_id = ? AND idx = ? AND waiting = 1 LIMIT 1",
                                         of.chat, of.sender, of.message, of.index));
  return found.has_value();
}

Result<std::size_t> RequestTable::count(const DeviceId& device, std::int64_t after) {
  SOTTO_TRY_ASSIGN(const auto found,
                   db_.one<std::int64_t>("SELECT count(*) FROM attachment_request WHERE device_id = ? AND asked_at > ?",
                                         device, after));
  return static_cast<std::size_t>(found.value_or(0));
}

Status RequestTable::forget_others(const DeviceId& own, std::int64_t up_to) {
  return db_.run("DELETE FROM attachment_request WHERE device_id <> ? AND asked_at <= ?", own, up_to);
}

}  // namespace sotto::client
