#include "client/tables/chat_table.h"

#include "base/try.h"
#include "wire/client_store.h"
#include "wire/frame.h"

namespace sotto::client {

namespace {

Bytes encode_roster(const wire::Roster& roster) {
  wire::StoredRoster out;
  for (const auto& [device, member] : roster.devices) {
    auto* entry = out.add_devices();
    entry->set_user_id(to_string_bytes(member.user));
    entry->set_device_id(to_string_bytes(device));
    entry->set_era(member.era);
  }
  for (const auto& admin : roster.admins) *out.add_admins() = to_string_bytes(admin);
  return wire::serialize(out);
}

Result<wire::Roster> decode_roster(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto stored, wire::decode_own<wire::StoredRoster>(bytes));
  wire::Roster roster;
  for (const auto& entry : stored.devices()) {
    const auto device = id_from<DeviceId>(wire::view(entry.device_id()));
    const auto user = id_from<UserId>(wire::view(entry.user_id()));
    if (!device || !user) return Error(ErrorCode::CORRUPT, "a stored roster is damaged");
    roster.devices[*device] = {*user, entry.era()};
  }
  for (const auto& admin : stored.admins()) {
    const auto user = id_from<UserId>(wire::view(admin));
    if (!user) return Error(ErrorCode::CORRUPT, "a stored roster is damaged");
    roster.admins.insert(*user);
  }
  return roster;
}

Bytes encode_seqs(const std::vector<std::uint64_t>& seqs) {
  Bytes out;
  for (const auto seq : seqs) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(seq >> shift));
  }
  return out;
}

std::vector<std::uint64_t> decode_seqs(ByteView bytes) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t seq = 0;
    for (const auto byte : bytes.subspan(i, 8)) seq = seq << 8 | byte;
    out.push_back(seq);
  }
  return out;
}

Timestamp time(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }

std::optional<UserId> peer_or_null(const ChatRow& row) {
  return row.type == ChatType::direct ? std::optional<UserId>(row.peer) : std::nullopt;
}

std::optional<UserId> inviter_or_null(const ChatRow& row) {
  return row.invited_by.is_zero() ? std::nullopt : std::optional<UserId>(row.invited_by);
}

}  // namespace

const std::string_view chat_columns =
    "chat_id, type, status, name, peer, created_at, last_activity, problem, unread, request, invited_by";

Chat read_chat(const store::Row& row) {
  Chat chat;
  chat.id = row.get<ChatId>(0);
  chat.type = row.get<ChatType>(1);
  chat.status = row.get<ChatStatus>(2);
  chat.name = row.text(3);
  chat.peer = row.get<std::optional<UserId>>(4).value_or(UserId{});
  chat.created_at = time(row.integer(5));
  chat.last_activity = time(row.integer(6));
  chat.problem = row.text(7);
  chat.unread = row.get<std::uint32_t>(8);
  chat.request = row.get<ChatRequest>(9);
  chat.invited_by = row.get<std::optional<UserId>>(10).value_or(UserId{});
  return chat;
}

Chat ChatRow::view() const {
  Chat chat;
  chat.id = id;
  chat.type = type;
  chat.status = status;
  chat.name = name;
  chat.peer = peer;
  chat.created_at = time(created_at);
  chat.last_activity = time(last_activity);
  chat.problem = problem;
  chat.unread = unread;
  chat.request = request;
  chat.invited_by = invited_by;
  return chat;
}

Result<std::optional<ChatRow>> ChatTable::find(const ChatId& id) {
  std::optional<ChatRow> out;
  SOTTO_TRY(db_.query(
      "SELECT type, status, generation, name, peer, problem, created_at, last_activity, cursor, handshake_seq, "
      "joined_seq, next_n, skipped, request, invited_by, unread, read_position, read_seq FROM chat WHERE chat_id = ?",
      id, [&](const store::Row& row) {
        ChatRow chat;
        chat.id = id;
        chat.type = row.get<ChatType>(0);
        chat.status = row.get<ChatStatus>(1);
        chat.generation = row.get<std::uint32_t>(2);
        chat.name = row.text(3);
        chat.peer = row.get<std::optional<UserId>>(4).value_or(UserId{});
        chat.problem = row.text(5);
        chat.created_at = row.integer(6);
        chat.last_activity = row.integer(7);
        chat.cursor = row.get<std::uint64_t>(8);
        chat.handshake_seq = row.get<std::uint64_t>(9);
        chat.joined_seq = row.get<std::uint64_t>(10);
        chat.next_n = row.get<std::uint64_t>(11);
        chat.skipped = decode_seqs(row.blob_view(12));
        chat.request = row.get<ChatRequest>(13);
        chat.invited_by = row.get<std::optional<UserId>>(14).value_or(UserId{});
        chat.unread = row.get<std::uint32_t>(15);
        chat.read_position = row.integer(16);
        chat.read_seq = row.get<std::uint64_t>(17);
        out = std::move(chat);
      }));
  return out;
}

Status ChatTable::insert(const ChatRow& row) {
  return db_.run(
      "INSERT INTO chat(chat_id, type, status, generation, name, peer, problem, created_at, last_activity, cursor, "
      "handshake_seq, joined_seq, next_n, skipped, request, invited_by, unread, read_position, read_seq) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      row.id, row.type, row.status, row.generation, row.name, peer_or_null(row), row.problem, row.created_at,
      row.last_activity, row.cursor, row.handshake_seq, row.joined_seq, row.next_n, encode_seqs(row.skipped),
      row.request, inviter_or_null(row), row.unread, row.read_position, row.read_seq);
}

Status ChatTable::update(const ChatRow& row) {
  return db_.run(
      "UPDATE chat SET type = ?, status = ?, generation = ?, name = ?, peer = ?, problem = ?, created_at = ?, "
      "last_activity = ?, cursor = ?, handshake_seq = ?, joined_seq = ?, next_n = ?, skipped = ?, request = ?, "
      "invited_by = ?, unread = ?, read_position = ?, read_seq = ? WHERE chat_id = ?",
      row.type, row.status, row.generation, row.name, peer_or_null(row), row.problem, row.created_at, row.last_activity,
      row.cursor, row.handshake_seq, row.joined_seq, row.next_n, encode_seqs(row.skipped), row.request,
      inviter_or_null(row), row.unread, row.read_position, row.read_seq, row.id);
}

Result<wire::Roster> ChatTable::roster(const ChatId& id) {
  SOTTO_TRY_ASSIGN(const auto bytes, db_.one<Bytes>("SELECT roster FROM roster WHERE chat_id = ?", id));
  if (!bytes) return wire::Roster{};
  return decode_roster(*bytes);
}

Status ChatTable::set_roster(const ChatId& id, const wire::Roster& roster) {
  return db_.run("INSERT INTO roster(chat_id, roster) VALUES(?, ?) ON CONFLICT DO UPDATE SET roster = excluded.roster",
                 id, encode_roster(roster));
}

Result<std::vector<ChatId>> ChatTable::with_status(ChatStatus status) {
  std::vector<ChatId> out;
  SOTTO_TRY(db_.query("SELECT chat_id FROM chat WHERE status = ?", status,
                      [&](const store::Row& row) { out.push_back(row.get<ChatId>(0)); }));
  return out;
}

Status ChatTable::set_last_activity(const ChatId& id, std::int64_t when) {
  return db_.run("UPDATE chat SET last_activity = max(last_activity, ?) WHERE chat_id = ?", when, id);
}

Result<std::vector<Chat>> ChatTable::page(std::size_t limit, const std::optional<Chat>& after) {
  std::vector<Chat> out;
  const auto add = [&](const store::Row& row) { out.push_back(read_chat(row)); };
  const std::string select = "SELECT " + std::string(chat_columns) + " FROM chat ";
  if (after) {
    SOTTO_TRY(db_.query(select + "WHERE (last_activity, chat_id) < (?, ?) ORDER BY last_activity DESC, chat_id DESC "
                                 "LIMIT ?",
                        after->last_activity.time_since_epoch().count(), after->id, limit, add));
  } else {
    SOTTO_TRY(db_.query(select + "ORDER BY last_activity DESC, chat_id DESC LIMIT ?", limit, add));
  }
  return out;
}

Status ChatTable::set_participants(const ChatId& chat, const std::set<UserId>& users, const std::set<UserId>& admins,
                                   std::uint64_t seq) {
  std::set<UserId> gone;
  SOTTO_TRY(db_.query("SELECT user_id FROM participant WHERE chat_id = ?", chat,
                      [&](const store::Row& row) { gone.insert(row.get<UserId>(0)); }));
  for (const auto& user : users) {
    gone.erase(user);
    SOTTO_TRY(
        db_.run("INSERT INTO participant(chat_id, user_id, admin, delivered_seq, read_seq) VALUES(?, ?, ?, 0, ?) "
                "ON CONFLICT DO UPDATE SET admin = excluded.admin",
                chat, user, admins.contains(user), seq));
  }
  for (const auto& user : gone) {
    SOTTO_TRY(db_.run("DELETE FROM participant WHERE chat_id = ? AND user_id = ?", chat, user));
  }
  return {};
}

Result<std::vector<Participant>> ChatTable::participants(const ChatId& chat) {
  std::vector<Participant> out;
  SOTTO_TRY(db_.query(
      "SELECT p.user_id, p.admin, u.handle FROM participant p LEFT JOIN user u ON u.user_id = p.user_id "
      "WHERE p.chat_id = ? ORDER BY p.user_id",
      chat, [&](const store::Row& row) {
        out.push_back({row.get<UserId>(0), row.get<bool>(1), row.get<std::optional<std::string>>(2).value_or("")});
      }));
  return out;
}

Result<bool> ChatTable::raise_delivered(const ChatId& chat, const UserId& user, std::uint64_t seq) {
  SOTTO_TRY(db_.run("UPDATE participant SET delivered_seq = ? WHERE chat_id = ? AND user_id = ? AND delivered_seq < ?",
                    seq, chat, user, seq));
  return db_.changes() > 0;
}

Result<bool> ChatTable::raise_read(const ChatId& chat, const UserId& user, std::uint64_t seq) {
  SOTTO_TRY(
      db_.run("UPDATE participant SET read_seq = ?, delivered_seq = max(delivered_seq, ?) "
              "WHERE chat_id = ? AND user_id = ? AND read_seq < ?",
              seq, seq, chat, user, seq));
  return db_.changes() > 0;
}

Result<ChatTable::Reached> ChatTable::reached_by_all_but(const ChatId& chat, const UserId& self) {
  Reached out;
  SOTTO_TRY(db_.query("SELECT min(delivered_seq), min(read_seq) FROM participant WHERE chat_id = ? AND user_id <> ?",
                      chat, self, [&](const store::Row& row) {
                        out.delivered = row.get<std::optional<std::uint64_t>>(0).value_or(0);
                        out.read = row.get<std::optional<std::uint64_t>>(1).value_or(0);
                      }));
  return out;
}

Result<std::vector<std::pair<UserId, ChatTable::Reached>>> ChatTable::reached_by_each_but(const ChatId& chat,
                                                                                          const UserId& self) {
  std::vector<std::pair<UserId, Reached>> out;
  SOTTO_TRY(db_.query(
      "SELECT user_id, delivered_seq, read_seq FROM participant WHERE chat_id = ? AND user_id <> ? ORDER BY user_id",
      chat, self, [&](const store::Row& row) {
        out.emplace_back(row.get<UserId>(0), Reached{row.get<std::uint64_t>(1), row.get<std::uint64_t>(2)});
      }));
  return out;
}

Result<std::vector<ChatId>> ChatTable::with_untold_mark() {
  std::vector<ChatId> out;
  SOTTO_TRY(db_.query("SELECT chat_id FROM chat WHERE read_seq > read_told",
                      [&](const store::Row& row) { out.push_back(row.get<ChatId>(0)); }));
  return out;
}

Result<std::uint64_t> ChatTable::told_mark(const ChatId& chat) {
  SOTTO_TRY_ASSIGN(const auto told, db_.one<std::uint64_t>("SELECT read_told FROM chat WHERE chat_id = ?", chat));
  return told.value_or(0);
}

Status ChatTable::set_told_mark(const ChatId& chat, std::uint64_t seq) {
  return db_.run("UPDATE chat SET read_told = max(read_told, ?) WHERE chat_id = ?", seq, chat);
}

Result<std::vector<ChatId>> ChatTable::direct_chats(std::size_t limit) {
  std::vector<ChatId> out;
  SOTTO_TRY(
      db_.query("SELECT chat_id FROM chat WHERE type = ? AND status = ? AND request = ? AND NOT EXISTS(SELECT 1 FROM "
                "person WHERE user_id = peer AND blocked = 1) ORDER BY last_activity DESC, chat_id DESC LIMIT ?",
                ChatType::direct, ChatStatus::active, ChatRequest::none, limit,
                [&](const store::Row& row) { out.push_back(row.get<ChatId>(0)); }));
  return out;
}

Result<std::optional<std::uint64_t>> ChatTable::expected_n(const ChatId& chat, const DeviceId& device) {
  return db_.one<std::uint64_t>("SELECT next_n FROM sender WHERE chat_id = ? AND device_id = ?", chat, device);
}

Status ChatTable::set_expected_n(const ChatId& chat, const DeviceId& device, std::uint64_t n) {
  return db_.run(
      "INSERT INTO sender(chat_id, device_id, next_n) VALUES(?, ?, ?) "
      "ON CONFLICT DO UPDATE SET next_n = excluded.next_n",
      chat, device, n);
}

Status ChatTable::add_unopened(const ChatId& chat, const DeviceId& device, std::uint64_t n) {
  constexpr std::uint64_t most = std::uint64_t{1} << 50;
  if (n >= most) return {};  // Nobody counts as far as that; a lie that would overflow.
  return db_.run("INSERT INTO unopened(chat_id, device_id, n) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", chat, device, n);
}

Result<std::uint64_t> ChatTable::take_unopened(const ChatId& chat, const DeviceId& device, std::uint64_t below) {
  SOTTO_TRY(db_.run("DELETE FROM unopened WHERE chat_id = ? AND device_id = ? AND n < ?", chat, device, below));
  return static_cast<std::uint64_t>(db_.changes());
}

Status ChatTable::forget_senders(const ChatId& chat) {
  SOTTO_TRY(db_.run("DELETE FROM unopened WHERE chat_id = ?", chat));
  return db_.run("DELETE FROM sender WHERE chat_id = ?", chat);
}

}  // namespace sotto::client
