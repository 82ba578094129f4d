// What the client reads back from its own store, with any bytes in the place of any blob, number or text: a value, or
// an error that stops one chat at most. And what members write inside the encryption: contents and the group's state.
#include "check.h"
#include "client/content.h"
#include "client/group_storage.h"
#include "client/group_view.h"
#include "client/schema.h"
#include "client/tables/account_table.h"
#include "client/tables/chat_table.h"
#include "client/tables/leaving_table.h"
#include "client/tables/message_table.h"
#include "client/tables/outbox_table.h"
#include "client/tables/people_table.h"
#include "client/tables/person_table.h"
#include "client/tables/request_table.h"
#include "crypto/init.h"
#include "mls/group.h"
#include "mutator.h"
#include "store/transaction.h"
#include "wire/frame.h"

using namespace sotto;
using namespace sotto::client;

namespace {

ChatId chat_id() {
  ChatId out;
  out.bytes.fill(1);
  return out;
}

template <typename T>
void check_error(const Result<T>& result) {
  if (result.ok()) return;
  fuzz::check(result.code() == ErrorCode::CORRUPT || result.code() == ErrorCode::NEWER_SCHEMA ||
                  result.code() == ErrorCode::NOT_FOUND,
              "what is damaged is called so");
}

/// A row of a table whose columns are the input's; what a constraint refuses is not there. After a column's name: what
/// is meant to be in it, a Number, Text, an Id, a Key of 32 bytes, or Bytes.
void fill(store::Database& db, const char* table, const std::vector<std::string>& columns, FuzzedDataProvider& input) {
  std::string sql = "INSERT INTO " + std::string(table) + "(chat_id";
  std::string values = "?";
  std::string kinds = "C";
  const bool of_chat = columns.front() == "chat_id";
  for (const auto& column : columns) {
    if (column == "chat_id") continue;
    sql += ", " + column.substr(0, column.size() - 1);
    values += ", ?";
    kinds += column.back();
  }
  if (!of_chat) {
    sql.replace(sql.find("chat_id, "), 9, "");
    values.erase(0, 3);
    kinds.erase(0, 1);
  }
  auto statement = fuzz::must(db.prepare(sql + ") VALUES(" + values + ")"));
  int index = 0;
  for (auto kind : kinds) {
    ++index;
    if (kind == 'C') {
      statement.bind(index, chat_id());
      continue;
    }
    // Now and then something else than what is meant.
    const auto what = input.ConsumeIntegral<std::uint8_t>();
    if (what < 32) kind = "0NTIKBBB"[what % 8];
    const auto size = input.ConsumeIntegral<std::uint8_t>();
    switch (kind) {
      case '0':
        statement.bind(index, nullptr);
        break;
      case 'N':
        if (what % 4 == 0) {
          statement.bind(index, static_cast<std::int64_t>(fuzz::hostile_number(1, input)));
        } else {
          statement.bind(index, size);
        }
        break;
      case 'T':
        statement.bind(index, input.ConsumeBytesAsString(size));
        break;
      case 'I':
        statement.bind(index, Bytes(16, size));
        break;
      case 'K':
        statement.bind(index, Bytes(32, size));
        break;
      default:
        statement.bind(index, input.ConsumeBytes<std::uint8_t>(size));
    }
  }
  (void)statement.run().ok();
}

/// The rows of an MLS group of the chat, with the keys that such rows have.
void fill_group(store::Database& db, FuzzedDataProvider& input) {
  SqlGroupStorage storage(db, chat_id(), 1);
  for (int i = 0; i < 4; ++i) {
    const mls::StorageKey key{static_cast<mls::Table>(input.ConsumeIntegralInRange<int>(1, 10)),
                              input.ConsumeIntegral<std::uint8_t>() % 3U, input.ConsumeIntegral<std::uint8_t>() % 8U,
                              0};
    const auto size = input.ConsumeIntegral<std::uint8_t>();
    (void)storage.put(key, input.ConsumeBytes<std::uint8_t>(size)).ok();
  }
}

void read_all(store::Database& db) {
  const auto chat = chat_id();
  check_error(AccountTable(db).load());
  check_error(AccountTable(db).handle_change());
  ChatTable chats(db);
  check_error(chats.find(chat));
  check_error(chats.roster(chat));
  check_error(chats.page(10, std::nullopt));
  check_error(chats.participants(chat));
  check_error(chats.expected_n(chat, {}));
  MessageTable messages(db);
  check_error(messages.page(chat, std::nullopt, 10));
  check_error(messages.mark_reached(chat, 1'000'000, 500'000));
  OutboxTable outbox(db);
  check_error(outbox.head(chat, 10));
  check_error(outbox.chats());
  IntentTable intents(db);
  check_error(intents.first(chat));
  check_error(intents.chats());
  KeyPackageTable key_packages(db);
  check_error(key_packages.last_resort());
  check_error(key_packages.last_resort_made_at());
  check_error(UserTable(db).handle({}));
  SqlGroupStorage storage(db, chat, 1);
  check_error(mls::Group::load(storage));
}

/// Of attachments: the rows of those that a message shows, and of the files, are looked for by numbers of one byte.
void read_attachments(store::Database& db) {
  MediaTable media(db);
  RequestTable requests(db);
  for (int state = 0; state < 8; ++state) check_error(media.in_state(static_cast<MediaState>(state), 4));
  check_error(media.unready(4));
  check_error(media.discarded());
  check_error(media.beyond(1));
  const auto shown = MessageTable(db).page(chat_id(), std::nullopt, 4);
  if (!shown.ok()) return;
  for (const auto& message : *shown) {
    const auto refs = media.of_message(message.chat, message.sender, message.id);
    check_error(refs);
    if (!refs.ok()) continue;
    for (const auto& ref : *refs) {
      check_error(media.find(message, ref.index));
      check_error(media.find(ref.media));
      check_error(media.of_media(ref.media));
      check_error(requests.find(ref, message.sender_device));
      check_error(requests.waits(ref));
    }
  }
}

/// Of what people see, and of an account that ends.
void read_people(store::Database& db) {
  const auto chat = chat_id();
  PersonTable people(db);
  for (std::uint8_t i = 0; i < 4; ++i) {
    UserId user;
    user.bytes.fill(i);
    check_error(people.find(user));
    check_error(people.known(user));
  }
  check_error(people.blocked());
  check_error(people.any_blocked_in(chat));
  check_error(people.wanted(4));
  check_error(SelfTable(db).load());
  ChatTable chats(db);
  check_error(chats.reached_by_all_but(chat, {}));
  check_error(chats.reached_by_each_but(chat, {}));
  check_error(chats.with_untold_mark());
  check_error(chats.told_mark(chat));
  check_error(MessageTable(db).count_unread(chat, 0));
  check_error(PushTokenTable(db).load());
  check_error(LeavingTable(db).load());
}

void read_content(ByteView bytes) {
  (void)wire::decode<wire::Content>(bytes).ok();
  const mls::Extensions extensions{{chat_state_extension, to_bytes(bytes)}};
  const auto state = read_chat_state(extensions);
  if (!state.ok()) return;
  const auto again = read_chat_state(with_chat_state({}, *state));
  fuzz::check(again.ok() && again->name == state->name && again->admins == state->admins &&
                  again->rules_version == state->rules_version && again->created_at == state->created_at,
              "a ChatState comes back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto db = [] {
    fuzz::must(crypto::initialize());
    return fuzz::must(open_store(":memory:"));
  }();
  read_content({data, size});
  FuzzedDataProvider input(data, size);
  auto transaction = fuzz::must(store::Transaction::begin(*db, store::TransactionKind::write));
  for (int i = 0; i < 8 && input.remaining_bytes() > 0; ++i) {
    switch (input.ConsumeIntegral<std::uint8_t>() % 20) {
      case 0:
        fill(*db, "account", {"handleT",      "user_idI",        "identity_privateK", "identity_publicK",
                              "device_idI",   "device_privateK", "device_publicK",    "eraN",
                              "device_listB", "registeredN",     "sessionN",          "ack_noN",
                              "rolled_backN", "incarnationI",    "next_placeN",       "receipts_sinceN",
                              "codeT",        "inviteT",         "pin_hashK",         "handle_moves_atN",
                              "handle_movedN"},
             input);
        break;
      case 1:
        fill(*db, "key_package", {"refK", "bundleB", "last_resortN", "created_atN"}, input);
        break;
      case 2:
        fill(*db, "chat",
             {"chat_id",     "typeN",          "statusN", "generationN",    "nameT",       "peerI",     "problemT",
              "created_atN", "last_activityN", "cursorN", "handshake_seqN", "joined_seqN", "next_nN",   "skippedB",
              "requestN",    "invited_byI",    "unreadN", "read_positionN", "read_seqN",   "read_toldN"},
             input);
        break;
      case 3:
        fill(*db, "roster", {"chat_id", "rosterB"}, input);
        break;
      case 4:
        fill(*db, "participant", {"chat_id", "user_idI", "adminN", "delivered_seqN", "read_seqN"}, input);
        break;
      case 5:
        fill(*db, "sender", {"chat_id", "device_idI", "next_nN"}, input);
        break;
      case 6:
        fill(*db, "message",
             {"chat_id", "positionN", "client_message_idI", "sender_userI", "sender_deviceI", "kindN", "stateN",
              "contentB", "problem_codeN", "problem_textT", "sent_atN", "stored_atN", "seqN", "message_idI"},
             input);
        break;
      case 7:
        fill(*db, "outbox",
             {"chat_id", "placeN", "client_message_idI", "nN", "ciphertextB", "generationN", "after_handshakeN"},
             input);
        break;
      case 8:
        fill(*db, "intent",
             {"chat_id", "kindN", "user_idI", "textT", "packagesB", "requestB", "stub_hashK", "commit_idK", "attemptsN",
              "created_atN"},
             input);
        break;
      case 9:
        fill_group(*db, input);
        break;
      case 10:
        fill(*db, "media",
             {"media_idN", "stateN", "pausedN", "attachment_idI", "keyK", "hashK", "sizeN", "sourceT", "fetchedN",
              "hash_stateB", "used_atN", "problem_codeN", "problem_textT"},
             input);
        break;
      case 11:
        fill(*db, "attachment", {"chat_id", "sender_userI", "client_message_idI", "idxN", "media_idN", "readyN"},
             input);
        break;
      case 12:
        fill(*db, "attachment_request",
             {"chat_id", "sender_userI", "client_message_idI", "idxN", "device_idI", "asked_atN", "waitingN"}, input);
        break;
      case 13:
        fill(*db, "person",
             {"user_idI", "knownN", "blockedN", "last_seenN", "profile_keyK", "profile_versionN", "profile_wantedN",
              "profileB"},
             input);
        break;
      case 14:
        fill(*db, "self",
             {"idN", "typingN", "presenceN", "read_receiptsN", "profileB", "profile_keyK", "profile_versionN",
              "profile_toldN", "sealed_profileB", "blocks_versionN", "blocks_toldN"},
             input);
        break;
      case 15:
        fill(*db, "push_token", {"idN", "tokenT", "at_leastN", "told_toI"}, input);
        break;
      case 16:
        fill(*db, "leaving", {"idN", "kindN"}, input);
        break;
      case 17:
        fill(*db, "handle_change", {"idN", "handleT", "codeT", "inviteT", "pin_hashB", "moves_atN"}, input);
        break;
      case 18:
        fill(*db, "signal_key", {"chat_id", "generationN", "epochN", "keyK"}, input);
        break;
      default:
        fill(*db, "user", {"user_idI", "handleT", "identity_keyK", "list_versionN", "device_listB", "first_seenN"},
             input);
    }
  }
  read_all(*db);
  read_attachments(*db);
  read_people(*db);
  return 0;  // The transaction rolls back: the next input finds the store empty.
}
