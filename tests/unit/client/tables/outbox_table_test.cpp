// What waits to be sent, and what waits to be changed.
#include "client/tables/outbox_table.h"

#include "client/schema.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

const auto chat = id_of<ChatId>(1);

struct Fixture {
  std::unique_ptr<store::Database> db = must(open_store(":memory:"));
  OutboxTable outbox{*db};
  IntentTable intents{*db};

  void fill(std::uint8_t count) {
    for (std::uint8_t i = 1; i <= count; ++i) must(outbox.insert(chat, i, id_of<ClientMessageId>(i)));
  }
  void encrypt(std::int64_t place, std::uint64_t n) {
    auto row = must(outbox.find(chat, place)).value();
    row.n = n;
    row.ciphertext = to_bytes("ciphertext " + std::to_string(place));
    row.generation = 1;
    row.after_handshake = 3;
    must(outbox.set_encrypted(row));
  }
  OutboxRow row(std::int64_t place) { return must(outbox.find(chat, place)).value(); }

  std::int64_t add(IntentKind kind, const ChatId& where = chat) {
    IntentRow intent;
    intent.chat = where;
    intent.kind = kind;
    return must(intents.insert(intent, 1));
  }
  void stage(std::int64_t id, std::uint8_t hash) {
    auto intent = must(intents.find(id)).value();
    intent.request.emplace().set_request("request");
    intent.stub_hash.emplace().bytes.fill(hash);
    intent.commit_id.emplace().bytes.fill(static_cast<std::uint8_t>(hash + 1));
    must(intents.update(intent));
  }
  static crypto::Sha256Digest digest(std::uint8_t byte) {
    crypto::Sha256Digest out;
    out.bytes.fill(byte);
    return out;
  }
};

}  // namespace

TEST_CASE("Rows wait in the order in which they were written") {
  Fixture f;
  must(f.outbox.insert(chat, 2, id_of<ClientMessageId>(2)));
  must(f.outbox.insert(chat, 1, id_of<ClientMessageId>(1)));
  must(f.outbox.insert(chat, 3, id_of<ClientMessageId>(3)));
  must(f.outbox.insert(id_of<ChatId>(2), 4, id_of<ClientMessageId>(1)));
  const auto head = must(f.outbox.head(chat, 2));
  REQUIRE(head.size() == 2);
  CHECK(head[0].place == 1);
  CHECK(head[1].place == 2);
  CHECK_FALSE(head[0].n.has_value());
  CHECK_FALSE(head[0].ciphertext.has_value());
  CHECK(must(f.outbox.find(chat, id_of<ClientMessageId>(3)))->place == 3);
  CHECK_FALSE(must(f.outbox.find(chat, id_of<ClientMessageId>(9))).has_value());
  CHECK(must(f.outbox.chats()).size() == 2);
  CHECK(f.outbox.insert(chat, 9, id_of<ClientMessageId>(1)).code() == ErrorCode::ALREADY_EXISTS);
  CHECK(f.outbox.insert(chat, 1, id_of<ClientMessageId>(9)).code() == ErrorCode::ALREADY_EXISTS);
}

TEST_CASE("What was encrypted is kept to be sent again") {
  Fixture f;
  f.fill(1);
  f.encrypt(1, 5);
  const auto row = f.row(1);
  CHECK(row.n == 5U);
  CHECK(row.ciphertext == to_bytes("ciphertext 1"));
  CHECK(row.generation == 1);
  CHECK(row.after_handshake == 3);
}

TEST_CASE("Ciphertexts are dropped from a place on; the numbers stay, or go, too") {
  Fixture f;
  f.fill(3);
  for (int i = 1; i <= 3; ++i) f.encrypt(i, static_cast<std::uint64_t>(i));
  must(f.outbox.drop_ciphertexts(chat, 2));
  CHECK(f.row(1).ciphertext.has_value());
  CHECK_FALSE(f.row(2).ciphertext.has_value());
  CHECK(f.row(2).n == 2U);
  CHECK(f.row(3).n == 3U);
  must(f.outbox.drop_numbers(chat, 3));
  CHECK(f.row(2).n == 2U);
  CHECK_FALSE(f.row(3).n.has_value());
  must(f.outbox.drop_numbers(chat, 0));
  CHECK_FALSE(f.row(1).n.has_value());
  CHECK_FALSE(f.row(1).ciphertext.has_value());
}

TEST_CASE("Rows leave one by one, or all at once") {
  Fixture f;
  f.fill(3);
  must(f.outbox.remove(chat, 2));
  const auto all = must(f.outbox.take_all(chat));
  CHECK(all == std::vector<ClientMessageId>{id_of<ClientMessageId>(1), id_of<ClientMessageId>(3)});
  CHECK(must(f.outbox.take_all(chat)).empty());
  CHECK(must(f.outbox.chats()).empty());
}

TEST_CASE("An intent comes back as it was stored") {
  Fixture f;
  IntentRow intent;
  intent.chat = chat;
  intent.kind = IntentKind::add;
  intent.user = id_of<UserId>(4);
  intent.text = "name";
  intent.packages.add_users()->set_user_id("user");
  const auto id = must(f.intents.insert(intent, 1));
  f.stage(id, 7);
  auto back = must(f.intents.find(id)).value();
  CHECK(back.kind == IntentKind::add);
  CHECK(back.user == intent.user);
  CHECK(back.text == "name");
  CHECK(back.packages.users(0).user_id() == "user");
  CHECK(back.request->request() == "request");
  CHECK(must(f.intents.find_by_stub(chat, f.digest(7)))->id == id);
  CHECK(must(f.intents.find_by_commit(chat, f.digest(8)))->id == id);
  CHECK_FALSE(must(f.intents.find_by_stub(chat, f.digest(8))).has_value());
  CHECK_FALSE(must(f.intents.find_by_stub(id_of<ChatId>(2), f.digest(7))).has_value());
  back.attempts = 3;
  back.request.reset();
  must(f.intents.update(back));
  CHECK(must(f.intents.find(id))->attempts == 3);
  CHECK_FALSE(must(f.intents.find(id))->request.has_value());
}

TEST_CASE("Intents go in order, a repair before all") {
  Fixture f;
  const auto first = f.add(IntentKind::rename);
  const auto second = f.add(IntentKind::add);
  f.add(IntentKind::add, id_of<ChatId>(2));
  CHECK(must(f.intents.first(chat))->id == first);
  CHECK_FALSE(must(f.intents.has(chat, IntentKind::repair)));
  const auto repair = f.add(IntentKind::repair);
  CHECK(must(f.intents.has(chat, IntentKind::repair)));
  CHECK(must(f.intents.first(chat))->id == repair);
  CHECK(must(f.intents.ids(chat)) == std::vector<std::int64_t>{first, second, repair});
  CHECK(must(f.intents.chats()).size() == 2);
  must(f.intents.remove(repair));
  must(f.intents.remove(first));
  CHECK(must(f.intents.first(chat))->id == second);
  SECTION("an id is never given twice") {
    must(f.intents.remove(second));
    CHECK(f.add(IntentKind::add) > repair);
  }
}

TEST_CASE("What was staged for a slot that is lost is dropped; a founding stays") {
  Fixture f;
  const auto create = f.add(IntentKind::create);
  const auto rename = f.add(IntentKind::rename);
  const auto elsewhere = f.add(IntentKind::rename, id_of<ChatId>(2));
  f.stage(create, 1);
  f.stage(rename, 3);
  f.stage(elsewhere, 5);
  must(f.intents.drop_staged(chat));
  CHECK(must(f.intents.find(create))->request.has_value());
  CHECK_FALSE(must(f.intents.find(rename))->request.has_value());
  CHECK_FALSE(must(f.intents.find(rename))->stub_hash.has_value());
  CHECK_FALSE(must(f.intents.find(rename))->commit_id.has_value());
  CHECK(must(f.intents.find(elsewhere))->request.has_value());
}

TEST_CASE("A damaged intent is never read wrong") {
  Fixture f;
  const auto id = f.add(IntentKind::add);
  must(f.db->run("UPDATE intent SET request = x'FFFF'"));
  CHECK_FALSE(f.intents.find(id).ok());
}
