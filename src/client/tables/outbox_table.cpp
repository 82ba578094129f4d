#include "client/tables/outbox_table.h"

#include "base/try.h"
#include "wire/frame.h"

namespace sotto::client {

namespace {

constexpr std::string_view outbox_columns =
    "SELECT chat_id, place, client_message_id, n, ciphertext, generation, after_handshake, urgency "
    "FROM outbox ";

OutboxRow read_outbox(const store::Row& row) {
  OutboxRow out;
  out.chat = row.get<ChatId>(0);
  out.place = row.integer(1);
  out.id = row.get<ClientMessageId>(2);
  out.n = row.get<std::optional<std::uint64_t>>(3);
  out.ciphertext = row.get<std::optional<Bytes>>(4);
  out.generation = row.get<std::optional<std::uint32_t>>(5).value_or(0);
  out.after_handshake = row.get<std::optional<std::uint64_t>>(6).value_or(0);
  out.urgency = row.get<Urgency>(7);
  return out;
}

Status read_intent(const store::Row& row, IntentRow& intent) {
  intent.id = row.integer(0);
  intent.chat = row.get<ChatId>(1);
  intent.kind = row.get<IntentKind>(2);
  intent.user = row.get<std::optional<UserId>>(3);
  intent.text = row.get<std::optional<std::string>>(4).value_or("");
  if (!row.is_null(5)) {
    SOTTO_TRY_ASSIGN(intent.packages, wire::decode_own<wire::StoredPackages>(row.blob_view(5)));
  }
  if (!row.is_null(6)) {
    SOTTO_TRY_ASSIGN(intent.request, wire::decode_own<wire::StoredRequest>(row.blob_view(6)));
  }
  intent.stub_hash = row.get<std::optional<crypto::Sha256Digest>>(7);
  intent.commit_id = row.get<std::optional<crypto::Sha256Digest>>(8);
  intent.attempts = row.get<std::uint32_t>(9);
  return {};
}

constexpr std::string_view intent_columns =
    "SELECT intent_id, chat_id, kind, user_id, text, packages, request, stub_hash, commit_id, attempts FROM intent ";

template <typename... Args>
Result<std::optional<IntentRow>> one_intent(store::Database& db, std::string_view where, const Args&... args) {
  std::optional<IntentRow> out;
  SOTTO_TRY(db.query(std::string(intent_columns) + std::string(where), args...,
                     [&](const store::Row& row) -> Status { return read_intent(row, out.emplace()); }));
  return out;
}

std::optional<Bytes> serialized(const std::optional<wire::StoredRequest>& request) {
  if (!request) return std::nullopt;
  return wire::serialize(*request);
}

}  // namespace

Status OutboxTable::insert(const ChatId& chat, std::int64_t place, const ClientMessageId& id, Urgency urgency) {
  return db_.run("INSERT INTO outbox(chat_id, place, client_message_id, urgency) VALUES(?, ?, ?, ?)", chat, place, id,
                 urgency);
}

Result<std::vector<OutboxRow>> OutboxTable::head(const ChatId& chat, std::size_t limit) {
  std::vector<OutboxRow> out;
  SOTTO_TRY(db_.query(std::string(outbox_columns) + "WHERE chat_id = ? ORDER BY place LIMIT ?", chat, limit,
                      [&](const store::Row& row) { out.push_back(read_outbox(row)); }));
  return out;
}

Result<std::optional<OutboxRow>> OutboxTable::find(const ChatId& chat, const ClientMessageId& id) {
  std::optional<OutboxRow> out;
  SOTTO_TRY(db_.query(std::string(outbox_columns) + "WHERE chat_id = ? AND client_message_id = ?", chat, id,
                      [&](const store::Row& row) { out = read_outbox(row); }));
  return out;
}

Result<std::optional<OutboxRow>> OutboxTable::find(const ChatId& chat, std::int64_t place) {
  std::optional<OutboxRow> out;
  SOTTO_TRY(db_.query(std::string(outbox_columns) + "WHERE chat_id = ? AND place = ?", chat, place,
                      [&](const store::Row& row) { out = read_outbox(row); }));
  return out;
}

Status OutboxTable::set_encrypted(const OutboxRow& row) {
  return db_.run(
      "UPDATE outbox SET n = ?, ciphertext = ?, generation = ?, after_handshake = ? WHERE chat_id = ? AND place = ?",
      row.n, row.ciphertext, row.generation, row.after_handshake, row.chat, row.place);
}

Status OutboxTable::remove(const ChatId& chat, std::int64_t place) {
  return db_.run("DELETE FROM outbox WHERE chat_id = ? AND place = ?", chat, place);
}

Status OutboxTable::drop_ciphertexts(const ChatId& chat, std::int64_t from_place) {
  return db_.run("UPDATE outbox SET ciphertext = NULL WHERE chat_id = ? AND place >= ?", chat, from_place);
}

Status OutboxTable::drop_numbers(const ChatId& chat, std::int64_t from_place) {
  return db_.run("UPDATE outbox SET ciphertext = NULL, n = NULL WHERE chat_id = ? AND place >= ?", chat, from_place);
}

Result<std::vector<ClientMessageId>> OutboxTable::take_all(const ChatId& chat) {
  std::vector<ClientMessageId> out;
  SOTTO_TRY(db_.query("SELECT client_message_id FROM outbox WHERE chat_id = ? ORDER BY place", chat,
                      [&](const store::Row& row) { out.push_back(row.get<ClientMessageId>(0)); }));
  SOTTO_TRY(db_.run("DELETE FROM outbox WHERE chat_id = ?", chat));
  return out;
}

Result<std::vector<ChatId>> OutboxTable::chats() {
  std::vector<ChatId> out;
  SOTTO_TRY(db_.query("SELECT DISTINCT chat_id FROM outbox",
                      [&](const store::Row& row) { out.push_back(row.get<ChatId>(0)); }));
  return out;
}

Result<std::int64_t> IntentTable::insert(const IntentRow& row, std::int64_t created_at) {
  SOTTO_TRY(db_.run(
      "INSERT INTO intent(chat_id, kind, user_id, text, packages, attempts, created_at) VALUES(?, ?, ?, ?, ?, 0, ?)",
      row.chat, row.kind, row.user, row.text, wire::serialize(row.packages), created_at));
  return db_.last_insert_id();
}

Result<std::optional<IntentRow>> IntentTable::first(const ChatId& chat) {
  // A repair goes first: until the relay's roster is the tree's again, it may refuse everything else.
  return one_intent(db_, "WHERE chat_id = ? ORDER BY kind = ? DESC, intent_id LIMIT 1", chat, IntentKind::repair);
}

Result<std::optional<IntentRow>> IntentTable::find(std::int64_t id) {
  return one_intent(db_, "WHERE intent_id = ?", id);
}

Result<std::optional<IntentRow>> IntentTable::find_by_stub(const ChatId& chat, const crypto::Sha256Digest& stub_hash) {
  return one_intent(db_, "WHERE chat_id = ? AND stub_hash = ?", chat, stub_hash);
}

Result<std::optional<IntentRow>> IntentTable::find_by_commit(const ChatId& chat,
                                                             const crypto::Sha256Digest& commit_id) {
  return one_intent(db_, "WHERE chat_id = ? AND commit_id = ?", chat, commit_id);
}

Result<bool> IntentTable::has(const ChatId& chat, IntentKind kind) {
  SOTTO_TRY_ASSIGN(
      const auto found,
      db_.one<std::int64_t>("SELECT intent_id FROM intent WHERE chat_id = ? AND kind = ? LIMIT 1", chat, kind));
  return found.has_value();
}

Status IntentTable::update(const IntentRow& row) {
  return db_.run(
      "UPDATE intent SET packages = ?, request = ?, stub_hash = ?, commit_id = ?, attempts = ? WHERE intent_id = ?",
      wire::serialize(row.packages), serialized(row.request), row.stub_hash, row.commit_id, row.attempts, row.id);
}

Status IntentTable::drop_staged(const ChatId& chat) {
  return db_.run("UPDATE intent SET request = NULL, stub_hash = NULL, commit_id = NULL WHERE chat_id = ? AND kind <> ?",
                 chat, IntentKind::create);
}

Status IntentTable::remove(std::int64_t id) { return db_.run("DELETE FROM intent WHERE intent_id = ?", id); }

Result<std::vector<std::int64_t>> IntentTable::ids(const ChatId& chat) {
  std::vector<std::int64_t> out;
  SOTTO_TRY(db_.query("SELECT intent_id FROM intent WHERE chat_id = ? ORDER BY intent_id", chat,
                      [&](const store::Row& row) { out.push_back(row.integer(0)); }));
  return out;
}

Result<std::vector<ChatId>> IntentTable::chats() {
  std::vector<ChatId> out;
  SOTTO_TRY(db_.query("SELECT DISTINCT chat_id FROM intent",
                      [&](const store::Row& row) { out.push_back(row.get<ChatId>(0)); }));
  return out;
}

}  // namespace sotto::client
