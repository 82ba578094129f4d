#include "client/tables/message_table.h"

#include <algorithm>

#include "base/ids.h"
#include "base/try.h"
#include "client/content.h"
#include "client/media/attachment_content.h"
#include "client/tables/request_table.h"
#include "wire/client_store.h"
#include "wire/frame.h"

namespace sotto::client {

namespace {

constexpr std::string_view select_messages =
    "SELECT chat_id, position, client_message_id, sender_user, sender_device, kind, state, content, problem_code, "
    "problem_text, sent_at, stored_at, message_id FROM message ";

void read_content(Message& message, ByteView bytes) {
  if (message.kind == MessageKind::text) {
    if (auto content = wire::decode<wire::Content>(bytes); content.ok()) {
      message.text = content->text().body();
      for (const auto& attachment : content->attachments()) message.attachments.push_back(view(attachment, {}));
    }
  } else if (message.kind == MessageKind::notice) {
    if (auto notice = wire::decode<wire::StoredNotice>(bytes); notice.ok()) {
      message.notice.kind = static_cast<NoticeKind>(notice->kind());
      message.notice.text = notice->text();
      for (const auto& user : notice->users()) {
        if (const auto id = id_from<UserId>(wire::view(user))) message.notice.users.push_back(*id);
      }
    }
  }
}

Message read_message(const store::Row& row) {
  Message message;
  message.chat = row.get<ChatId>(0);
  message.position = row.integer(1);
  message.id = row.get<ClientMessageId>(2);
  message.sender = row.get<UserId>(3);
  message.sender_device = row.get<DeviceId>(4);
  message.kind = row.get<MessageKind>(5);
  message.state = row.get<MessageState>(6);
  read_content(message, row.blob_view(7));
  if (const auto code = row.get<std::int32_t>(8); code != 0) {
    message.problem = Error(static_cast<ErrorCode>(code), row.text(9));
  }
  message.sent_at = Timestamp(std::chrono::milliseconds(row.integer(10)));
  if (!row.is_null(11)) message.stored_at = Timestamp(std::chrono::milliseconds(row.integer(11)));
  message.message_id = row.get<std::optional<MessageId>>(12);
  return message;
}

/// Where the attachments of a message are now.
Status add_states(store::Database& db, Message& message) {
  if (message.attachments.empty()) return {};
  MediaTable media(db);
  SOTTO_TRY_ASSIGN(const auto refs, media.of_message(message.chat, message.sender, message.id));
  for (const auto& ref : refs) {
    SOTTO_TRY_ASSIGN(const auto row, media.find(ref.media));
    if (!row || ref.index >= message.attachments.size()) continue;
    auto& attachment = message.attachments[ref.index];
    set_state(attachment, *row);
    if (attachment.state != AttachmentState::expired) continue;
    SOTTO_TRY_ASSIGN(attachment.requested, RequestTable(db).waits(ref));
  }
  return {};
}

template <typename T>
std::optional<std::int64_t> milliseconds(const std::optional<T>& time) {
  if (!time) return std::nullopt;
  return time->time_since_epoch().count();
}

}  // namespace

Status MessageTable::insert(const MessageRow& row) {
  const auto& m = row.message;
  const auto code = m.problem ? static_cast<std::int32_t>(m.problem->code) : 0;
  return db_.run(
      "INSERT INTO message(chat_id, position, client_message_id, sender_user, sender_device, kind, state, content, "
      "problem_code, problem_text, sent_at, stored_at, seq, message_id) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?)",
      m.chat, m.position, m.id, m.sender, m.sender_device, m.kind, m.state, row.content, code,
      m.problem ? m.problem->message : std::string(), m.sent_at.time_since_epoch().count(), milliseconds(m.stored_at),
      row.seq, m.message_id);
}

Result<std::optional<Message>> MessageTable::find(const ChatId& chat, const ClientMessageId& id) {
  std::optional<Message> out;
  SOTTO_TRY(db_.query(std::string(select_messages) +
                          "WHERE chat_id = ? AND client_message_id = ? AND kind <> ? ORDER BY state = 7 LIMIT 1",
                      chat, id, hidden_kind, [&](const store::Row& row) { out = read_message(row); }));
  if (out) SOTTO_TRY(add_states(db_, *out));
  return out;
}

Result<std::optional<Message>> MessageTable::find(const ChatId& chat, const UserId& sender, const ClientMessageId& id) {
  std::optional<Message> out;
  SOTTO_TRY(db_.query(std::string(select_messages) + "WHERE chat_id = ? AND sender_user = ? AND client_message_id = ?",
                      chat, sender, id, [&](const store::Row& row) { out = read_message(row); }));
  if (out) SOTTO_TRY(add_states(db_, *out));
  return out;
}

Status MessageTable::set_content(const ChatId& chat, const UserId& sender, const ClientMessageId& id,
                                 ByteView content) {
  return db_.run("UPDATE message SET content = ? WHERE chat_id = ? AND sender_user = ? AND client_message_id = ?",
                 content, chat, sender, id);
}

Result<Bytes> MessageTable::content(const ChatId& chat, const UserId& sender, const ClientMessageId& id) {
  SOTTO_TRY_ASSIGN(auto found, db_.one<Bytes>("SELECT content FROM message WHERE chat_id = ? AND sender_user = ? AND "
                                              "client_message_id = ?",
                                              chat, sender, id));
  if (!found) return Error(ErrorCode::NOT_FOUND, "no such message");
  return std::move(*found);
}

Result<std::vector<Message>> MessageTable::page(const ChatId& chat, const std::optional<std::int64_t>& before,
                                                std::size_t limit) {
  std::vector<Message> out;
  SOTTO_TRY(db_.query(
      std::string(select_messages) + "WHERE chat_id = ? AND position < ? AND kind <> ? ORDER BY position DESC LIMIT ?",
      chat, before.value_or(INT64_MAX), hidden_kind, limit,
      [&](const store::Row& row) { out.push_back(read_message(row)); }));
  for (auto& message : out) SOTTO_TRY(add_states(db_, message));
  return out;
}

Result<bool> MessageTable::raise_state(const ChatId& chat, const UserId& sender, const ClientMessageId& id,
                                       MessageState state) {
  SOTTO_TRY(db_.run(
      "UPDATE message SET state = ? WHERE chat_id = ? AND sender_user = ? AND client_message_id = ? AND state < ?",
      state, chat, sender, id, state));
  return db_.changes() > 0;
}

Status MessageTable::set_accepted(const ChatId& chat, const UserId& sender, const ClientMessageId& id,
                                  std::uint64_t seq, const MessageId& message_id,
                                  std::optional<std::int64_t> stored_at) {
  return db_.run(
      "UPDATE message SET position = ?, seq = ?, message_id = ?, stored_at = coalesce(?, stored_at), "
      "state = max(state, ?) WHERE chat_id = ? AND sender_user = ? AND client_message_id = ?",
      position::of_entry(seq), seq, message_id, stored_at, MessageState::sent, chat, sender, id);
}

Status MessageTable::set_failed(const ChatId& chat, const UserId& sender, const ClientMessageId& id, const Error& why) {
  return db_.run(
      "UPDATE message SET state = ?, problem_code = ?, problem_text = ? WHERE chat_id = ? AND sender_user = ? AND "
      "client_message_id = ?",
      MessageState::failed, static_cast<std::int32_t>(why.code), why.message, chat, sender, id);
}

Result<std::vector<Message>> MessageTable::mark_reached(const ChatId& chat, std::uint64_t delivered,
                                                        std::uint64_t read) {
  std::vector<Message> out;
  const auto read_to = position::of_entry(std::min(read, position::highest_seq));
  const auto add = [&](const store::Row& row) {
    out.push_back(read_message(row));
    out.back().state = out.back().position <= read_to ? MessageState::read : MessageState::delivered;
  };
  // The literals 4 and 3 (MessageState::delivered, sent) let SQLite use the partial indexes.
  if (read > 0) {
    SOTTO_TRY(db_.query(std::string(select_messages) + "WHERE chat_id = ? AND state = 4 AND seq <= ? ORDER BY seq",
                        chat, read, add));
  }
  SOTTO_TRY(db_.query(std::string(select_messages) + "WHERE chat_id = ? AND state = 3 AND seq <= ? ORDER BY seq", chat,
                      std::max(delivered, read), add));
  if (out.empty()) return out;
  for (auto& message : out) SOTTO_TRY(add_states(db_, message));
  if (read > 0) {
    SOTTO_TRY(db_.run("UPDATE message SET state = 5 WHERE chat_id = ? AND state = 4 AND seq <= ?", chat, read));
    SOTTO_TRY(db_.run("UPDATE message SET state = 5 WHERE chat_id = ? AND state = 3 AND seq <= ?", chat, read));
  }
  SOTTO_TRY(db_.run("UPDATE message SET state = 4 WHERE chat_id = ? AND state = 3 AND seq <= ?", chat, delivered));
  return out;
}

Result<std::uint32_t> MessageTable::count_unread(const ChatId& chat, std::int64_t after) {
  SOTTO_TRY_ASSIGN(const auto count, db_.one<std::uint32_t>(
                                         "SELECT count(*) FROM message WHERE chat_id = ? AND position > ? AND state = "
                                         "? AND kind IN (?, ?)",
                                         chat, after, MessageState::received, MessageKind::text, MessageKind::unknown));
  return count.value_or(0);
}

Result<std::int64_t> MessageTable::newest_position(const ChatId& chat) {
  SOTTO_TRY_ASSIGN(const auto newest, db_.one<std::optional<std::int64_t>>(
                                          "SELECT max(position) FROM message WHERE chat_id = ? AND position < ?", chat,
                                          position::waiting));
  return newest.value_or(std::nullopt).value_or(0);
}

}  // namespace sotto::client
