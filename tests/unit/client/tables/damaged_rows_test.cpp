// Columns that hold something else than what was written there are called damaged: that stops the chat that they belong
// to, where an error about what was received would end the connection each time anew.
#include "client/schema.h"
#include "client/tables/account_table.h"
#include "client/tables/chat_table.h"
#include "client/tables/outbox_table.h"
#include "client/tables/people_table.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {
const auto chat = id_of<ChatId>(1);
const auto garbage = to_bytes("\xff\xff\xff");
}  // namespace

TEST_CASE("A roster that does not parse is damaged") {
  const auto db = must(open_store(":memory:"));
  ChatTable chats(*db);
  must(chats.set_roster(chat, {}));
  must(db->run("UPDATE roster SET roster = ?", garbage));
  CHECK(chats.roster(chat).code() == ErrorCode::CORRUPT);
}

TEST_CASE("An intent whose columns do not parse is damaged") {
  const auto db = must(open_store(":memory:"));
  IntentTable intents(*db);
  IntentRow row;
  row.chat = chat;
  must(intents.insert(row, 1));
  const auto column = GENERATE("packages", "request");
  must(db->run(std::string("UPDATE intent SET ") + column + " = ?", garbage));
  CHECK(intents.first(chat).code() == ErrorCode::CORRUPT);
}

TEST_CASE("A key package that does not parse is damaged") {
  const auto db = must(open_store(":memory:"));
  KeyPackageTable key_packages(*db);
  must(db->run("INSERT INTO key_package(ref, bundle, last_resort, created_at) VALUES(?, ?, 1, 1)", Bytes(32), garbage));
  CHECK(key_packages.find(Bytes(32)).code() == ErrorCode::CORRUPT);
  CHECK(key_packages.last_resort().code() == ErrorCode::CORRUPT);
}

TEST_CASE("An account whose device list does not parse is damaged") {
  test::People people(1);
  const auto db = must(open_store(":memory:"));
  AccountTable accounts(*db);
  must(accounts.insert(account_of(people.member())));
  must(db->run("UPDATE account SET device_list = ?", garbage));
  CHECK(accounts.load().code() == ErrorCode::CORRUPT);
}
