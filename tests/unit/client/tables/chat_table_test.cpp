// Chats, participants, and what is expected of senders.
#include "client/tables/chat_table.h"

#include "client/schema.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

struct Fixture {
  std::unique_ptr<store::Database> db = must(open_store(":memory:"));
  ChatTable chats{*db};

  ChatRow insert(std::uint8_t id, std::int64_t last_activity = 0) {
    ChatRow row;
    row.id = id_of<ChatId>(id);
    row.last_activity = last_activity;
    must(chats.insert(row));
    return row;
  }
  std::vector<int> page(std::size_t limit, const std::optional<Chat>& after = {}) {
    std::vector<int> out;
    for (const auto& chat : must(chats.page(limit, after))) out.push_back(chat.id.bytes[0]);
    return out;
  }
};

}  // namespace

TEST_CASE("A chat comes back as it was stored") {
  Fixture f;
  ChatRow row;
  row.id = id_of<ChatId>(1);
  row.type = ChatType::direct;
  row.status = ChatStatus::must_rejoin;
  row.generation = 4;
  row.name = "caf\xC3\xA9";
  row.peer = id_of<UserId>(2);
  row.problem = "why";
  row.created_at = 5;
  row.last_activity = 6;
  row.cursor = 7;
  row.handshake_seq = 8;
  row.joined_seq = 9;
  row.next_n = 10;
  row.skipped = {11, (std::uint64_t{1} << 50) - 1};
  must(f.chats.insert(row));
  const auto check = [&] {
    const auto back = must(f.chats.find(row.id));
    REQUIRE(back.has_value());
    CHECK(back->type == row.type);
    CHECK(back->status == row.status);
    CHECK(back->generation == row.generation);
    CHECK(back->name == row.name);
    CHECK(back->peer == row.peer);
    CHECK(back->problem == row.problem);
    CHECK(back->created_at == row.created_at);
    CHECK(back->last_activity == row.last_activity);
    CHECK(back->cursor == row.cursor);
    CHECK(back->handshake_seq == row.handshake_seq);
    CHECK(back->joined_seq == row.joined_seq);
    CHECK(back->next_n == row.next_n);
    CHECK(back->skipped == row.skipped);
    const auto view = must(f.chats.page(1, {})).at(0);
    CHECK(view.peer == back->view().peer);
    CHECK(view.name == row.name);
    CHECK(view.problem == row.problem);
    CHECK(view.last_activity.time_since_epoch().count() == row.last_activity);
  };
  check();
  row.type = ChatType::group;
  row.peer = {};
  row.status = ChatStatus::active;
  row.skipped.clear();
  row.cursor = 100;
  must(f.chats.update(row));
  check();
  CHECK_FALSE(must(f.chats.find(id_of<ChatId>(9))).has_value());
  CHECK(f.chats.insert(row).code() == ErrorCode::ALREADY_EXISTS);
}

TEST_CASE("Chats are read latest activity first, page by page") {
  Fixture f;
  f.insert(1, 30);
  f.insert(2, 10);
  f.insert(3, 20);
  f.insert(4, 20);  // of the same moment: by id
  CHECK(f.page(10) == std::vector<int>{1, 4, 3, 2});
  CHECK(f.page(2) == std::vector<int>{1, 4});
  auto after = must(f.chats.page(2, {})).back();
  CHECK(f.page(2, after) == std::vector<int>{3, 2});
  after = must(f.chats.page(4, {})).back();
  CHECK(f.page(2, after).empty());

  must(f.chats.set_last_activity(id_of<ChatId>(2), 40));
  must(f.chats.set_last_activity(id_of<ChatId>(1), 5));  // never back
  CHECK(f.page(10) == std::vector<int>{2, 1, 4, 3});
}

TEST_CASE("Chats are found by their status") {
  Fixture f;
  auto row = f.insert(1);
  f.insert(2);
  row.status = ChatStatus::active;
  must(f.chats.update(row));
  CHECK(must(f.chats.with_status(ChatStatus::active)) == std::vector<ChatId>{row.id});
  CHECK(must(f.chats.with_status(ChatStatus::removed)).empty());
}

TEST_CASE("A roster comes back as it was stored") {
  Fixture f;
  const auto chat = id_of<ChatId>(1);
  CHECK(must(f.chats.roster(chat)) == wire::Roster{});
  wire::Roster roster;
  roster.devices[id_of<DeviceId>(1)] = {id_of<UserId>(1), 3};
  roster.devices[id_of<DeviceId>(2)] = {id_of<UserId>(1), 1};
  roster.admins = {id_of<UserId>(1)};
  must(f.chats.set_roster(chat, roster));
  CHECK(must(f.chats.roster(chat)) == roster);
  must(f.chats.set_roster(chat, {}));
  CHECK(must(f.chats.roster(chat)) == wire::Roster{});
  SECTION("and is never read wrong") {
    must(f.db->run("UPDATE roster SET roster = x'0A020A00'"));
    CHECK(f.chats.roster(chat).code() == ErrorCode::CORRUPT);
  }
}

TEST_CASE("Participants keep what they have received when others come and go") {
  Fixture f;
  const auto chat = id_of<ChatId>(1);
  const auto alice = id_of<UserId>(1);
  const auto bob = id_of<UserId>(2);
  const auto carol = id_of<UserId>(3);
  CHECK(must(f.chats.reached_by_all_but(chat, alice)).delivered == 0);
  must(f.chats.set_participants(chat, {alice, bob}, {alice}, 0));
  CHECK(must(f.chats.raise_delivered(chat, bob, 5)));
  CHECK_FALSE(must(f.chats.raise_delivered(chat, bob, 5)));
  CHECK_FALSE(must(f.chats.raise_delivered(chat, bob, 4)));
  CHECK_FALSE(must(f.chats.raise_delivered(chat, carol, 4)));
  CHECK(must(f.chats.reached_by_all_but(chat, alice)).delivered == 5U);
  CHECK(must(f.chats.reached_by_all_but(chat, bob)).delivered == 0U);

  must(f.chats.set_participants(chat, {alice, bob, carol}, {bob}, 0));
  const auto now = must(f.chats.participants(chat));
  REQUIRE(now.size() == 3);
  CHECK(now[0].user == alice);
  CHECK_FALSE(now[0].admin);
  CHECK(now[1].admin);
  CHECK(now[2].handle.empty());
  CHECK(must(f.chats.reached_by_all_but(chat, alice)).delivered == 0U);  // carol has nothing yet
  CHECK(must(f.chats.raise_delivered(chat, carol, 9)));
  CHECK(must(f.chats.reached_by_all_but(chat, alice)).delivered == 5U);

  must(f.chats.set_participants(chat, {alice, carol}, {alice}, 0));
  CHECK(must(f.chats.participants(chat)).size() == 2);
  CHECK(must(f.chats.participants(id_of<ChatId>(2))).empty());
}

TEST_CASE("The next n of each sender is known, until it is forgotten") {
  Fixture f;
  const auto chat = id_of<ChatId>(1);
  const auto device = id_of<DeviceId>(1);
  CHECK_FALSE(must(f.chats.expected_n(chat, device)).has_value());
  must(f.chats.set_expected_n(chat, device, 1));
  must(f.chats.set_expected_n(chat, device, 7));
  must(f.chats.set_expected_n(id_of<ChatId>(2), device, 3));
  CHECK(must(f.chats.expected_n(chat, device)) == 7U);
  must(f.chats.add_unopened(chat, device, 5));
  must(f.chats.add_unopened(chat, device, 5));
  must(f.chats.add_unopened(chat, device, 6));
  must(f.chats.add_unopened(chat, device, 8));
  must(f.chats.add_unopened(chat, device, UINT64_MAX));  // not counted: nobody gets there
  CHECK(must(f.chats.take_unopened(chat, device, 8)) == 2);
  CHECK(must(f.chats.take_unopened(chat, device, 8)) == 0);
  must(f.chats.forget_senders(chat));
  CHECK(must(f.chats.take_unopened(chat, device, 100)) == 0);
  CHECK_FALSE(must(f.chats.expected_n(chat, device)).has_value());
  CHECK(must(f.chats.expected_n(id_of<ChatId>(2), device)) == 3U);
}
