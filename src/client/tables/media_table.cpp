#include "client/tables/media_table.h"

#include <algorithm>

#include "base/try.h"

namespace sotto::client {

namespace {

constexpr std::string_view select_media =
    "SELECT media_id, state, paused, attachment_id, key, hash, size, source, fetched, hash_state, used_at, "
    "problem_code, problem_text FROM media ";
constexpr std::string_view select_attachments =
    "SELECT chat_id, sender_user, client_message_id, idx, media_id, ready, urgency FROM attachment ";

MediaRow read_media(const store::Row& row) {
  MediaRow out;
  out.id = row.integer(0);
  out.state = row.get<MediaState>(1);
  out.paused = row.get<bool>(2);
  out.attachment = row.get<std::optional<wire::AttachmentId>>(3);
  if (!row.is_null(4)) out.key = row.get<crypto::StreamKey>(4);
  out.hash = row.get<std::optional<crypto::Sha256Digest>>(5);
  out.size = row.get<std::uint64_t>(6);
  out.source = row.get<std::optional<std::string>>(7);
  out.fetched = row.get<std::uint64_t>(8);
  out.hash_state = row.get<std::optional<crypto::Sha256::State>>(9);
  out.used_at = row.integer(10);
  if (const auto code = row.get<std::int32_t>(11); code != 0) {
    out.problem = Error(static_cast<ErrorCode>(code), row.text(12));
  }
  return out;
}

AttachmentRef read_attachment(const store::Row& row) {
  AttachmentRef out;
  out.chat = row.get<ChatId>(0);
  out.sender = row.get<UserId>(1);
  out.message = row.get<ClientMessageId>(2);
  out.index = row.get<std::uint32_t>(3);
  out.media = row.integer(4);
  out.ready = row.get<bool>(5);
  out.urgency = row.get<Urgency>(6);
  return out;
}

std::int32_t code_of(const MediaRow& row) { return row.problem ? static_cast<std::int32_t>(row.problem->code) : 0; }
std::string text_of(const MediaRow& row) { return row.problem ? row.problem->message : std::string(); }

/// A key is bound as the bytes it is.
std::optional<ByteView> bytes_of(const std::optional<crypto::StreamKey>& key) {
  if (!key) return std::nullopt;
  return ByteView(key->view());
}

}  // namespace

Result<std::int64_t> MediaTable::insert(const MediaRow& row) {
  SOTTO_TRY(
      db_.run("INSERT INTO media(state, paused, attachment_id, key, hash, size, source, fetched, hash_state, used_at, "
              "problem_code, problem_text) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              row.state, row.paused, row.attachment, bytes_of(row.key), row.hash, row.size, row.source, row.fetched,
              row.hash_state, row.used_at, code_of(row), text_of(row)));
  return db_.last_insert_id();
}

Status MediaTable::update(const MediaRow& row) {
  return db_.run(
      "UPDATE media SET state = ?, paused = ?, attachment_id = ?, key = ?, hash = ?, size = ?, source = ?, fetched = "
      "?, "
      "hash_state = ?, used_at = ?, problem_code = ?, problem_text = ? WHERE media_id = ?",
      row.state, row.paused, row.attachment, bytes_of(row.key), row.hash, row.size, row.source, row.fetched,
      row.hash_state, row.used_at, code_of(row), text_of(row), row.id);
}

Status MediaTable::set_fetched(std::int64_t id, std::uint64_t fetched, const crypto::Sha256::State& hash_state) {
  return db_.run("UPDATE media SET fetched = ?, hash_state = ? WHERE media_id = ?", fetched, hash_state, id);
}

Status MediaTable::set_used(std::int64_t id, std::int64_t now) {
  return db_.run("UPDATE media SET used_at = ? WHERE media_id = ?", now, id);
}

Result<std::optional<MediaRow>> MediaTable::find(std::int64_t id) {
  std::optional<MediaRow> out;
  SOTTO_TRY(db_.query(std::string(select_media) + "WHERE media_id = ?", id,
                      [&](const store::Row& row) { out = read_media(row); }));
  return out;
}

Result<std::optional<MediaRow>> MediaTable::find(const wire::AttachmentId& attachment, const crypto::StreamKey& key,
                                                 const crypto::Sha256Digest& hash) {
  std::optional<MediaRow> out;
  SOTTO_TRY(db_.query(std::string(select_media) + "WHERE attachment_id = ? AND key = ? AND hash = ? LIMIT 1",
                      attachment, ByteView(key.view()), hash, [&](const store::Row& row) { out = read_media(row); }));
  return out;
}

Result<std::vector<std::int64_t>> MediaTable::in_state(MediaState state, std::size_t limit) {
  std::vector<std::int64_t> out;
  SOTTO_TRY(db_.query("SELECT media_id FROM media WHERE state = ? AND paused = 0 ORDER BY media_id LIMIT ?", state,
                      limit, [&](const store::Row& row) { out.push_back(row.integer(0)); }));
  return out;
}

Status MediaTable::insert(const AttachmentRef& ref) {
  return db_.run(
      "INSERT INTO attachment(chat_id, sender_user, client_message_id, idx, media_id, ready, urgency)"
      " VALUES(?, ?, ?, ?, ?, ?, ?)",
      ref.chat, ref.sender, ref.message, ref.index, ref.media, ref.ready, ref.urgency);
}

Result<std::vector<AttachmentRef>> MediaTable::of_message(const ChatId& chat, const UserId& sender,
                                                          const ClientMessageId& id) {
  std::vector<AttachmentRef> out;
  SOTTO_TRY(db_.query(
      std::string(select_attachments) + "WHERE chat_id = ? AND sender_user = ? AND client_message_id = ? ORDER BY idx",
      chat, sender, id, [&](const store::Row& row) { out.push_back(read_attachment(row)); }));
  return out;
}

Result<std::optional<MediaRow>> MediaTable::find(const Message& message, std::uint32_t index) {
  SOTTO_TRY_ASSIGN(const auto refs, of_message(message.chat, message.sender, message.id));
  const auto ref = std::ranges::find(refs, index, &AttachmentRef::index);
  if (ref == refs.end()) return std::optional<MediaRow>();
  return find(ref->media);
}

Result<std::vector<AttachmentRef>> MediaTable::of_media(std::int64_t id) {
  std::vector<AttachmentRef> out;
  SOTTO_TRY(db_.query(std::string(select_attachments) + "WHERE media_id = ?", id,
                      [&](const store::Row& row) { out.push_back(read_attachment(row)); }));
  return out;
}

Result<std::vector<AttachmentRef>> MediaTable::unready(std::size_t limit) {
  std::vector<AttachmentRef> out;
  // The literals are those of MediaState: present, remote, downloading and expired.
  SOTTO_TRY(db_.query(std::string(select_attachments) +
                          "WHERE ready = 0 AND (SELECT state FROM media WHERE media.media_id = attachment.media_id) IN "
                          "(3, 4, 5, 6) LIMIT ?",
                      limit, [&](const store::Row& row) { out.push_back(read_attachment(row)); }));
  return out;
}

Status MediaTable::set_ready(const AttachmentRef& ref) {
  return db_.run(
      "UPDATE attachment SET ready = 1 WHERE chat_id = ? AND sender_user = ? AND client_message_id = ? AND idx = ?",
      ref.chat, ref.sender, ref.message, ref.index);
}

Result<std::int64_t> MediaTable::last_id() {
  SOTTO_TRY_ASSIGN(const auto last, db_.one<std::int64_t>("SELECT seq FROM sqlite_sequence WHERE name = 'media'"));
  return last.value_or(0);
}

Status MediaTable::discard(std::int64_t id) {
  return db_.run("INSERT OR IGNORE INTO media_trash(media_id) VALUES(?)", id);
}

Result<std::vector<std::int64_t>> MediaTable::discarded() {
  std::vector<std::int64_t> out;
  SOTTO_TRY(
      db_.query("SELECT media_id FROM media_trash", [&](const store::Row& row) { out.push_back(row.integer(0)); }));
  return out;
}

Status MediaTable::forget_discarded() { return db_.run("DELETE FROM media_trash"); }

Result<std::vector<std::int64_t>> MediaTable::beyond(std::uint64_t most) {
  std::vector<std::int64_t> out;
  std::uint64_t sum = 0;
  // The newest stay; what a message still waits for does, too. 3 is MediaState::present.
  SOTTO_TRY(
      db_.query("SELECT media_id, size FROM media WHERE state = 3 AND NOT EXISTS (SELECT 1 FROM attachment WHERE "
                "attachment.media_id = media.media_id AND ready = 0) ORDER BY used_at DESC, media_id DESC",
                [&](const store::Row& row) {
                  sum += row.get<std::uint64_t>(1);
                  if (sum > most) out.push_back(row.integer(0));
                }));
  return out;
}

}  // namespace sotto::client
