// Acks: cursors that only rise, logs that are trimmed behind them, receipts for the others.
#include "crypto/sign.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

TEST_CASE("an entry is deleted by the ack of the last who was owed it") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  const auto group = make_group(world, alice, {bob.person, carol.person});
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  REQUIRE(success(bob.ask(message_request(world, group, 1))));
  alice.ack(group.id, 3);
  bob.ack(group.id, 2);
  CHECK(stored(world, group.id).size() == 3);
  carol.ack(group.id, 1);
  CHECK(stored(world, group.id) == std::vector<std::uint64_t>{2, 3});
  world.advance(world.config.ack_ms);
  carol.ack(group.id, 3);
  CHECK(stored(world, group.id) == std::vector<std::uint64_t>{3});
  bob.ack(group.id, 3);
  CHECK(stored(world, group.id).empty());

  // The chat goes on where it was, also after a restart.
  world.restart();
  auto& back = world.online(*alice.person);
  CHECK(back.heads()->empty());
  const auto answer = back.ask(message_request(world, group, 2));
  REQUIRE(success(answer));
  CHECK(answer.accepted().seq() == 4);
}

TEST_CASE("the trim costs no run of its own while snapshots are small") {
  World world;
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  const auto runs = world.backend->runs();
  alice.ack(group.id, 1);
  CHECK(world.backend->runs() - runs == 1);
  CHECK(stored(world, group.id).empty());
}

TEST_CASE("large snapshots wait for a timer, so the last ack's trim comes within a second") {
  CoreConfig config;
  config.small_snapshot_bytes = 0;
  World world(1, config);
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  alice.ack(group.id, 1);
  CHECK(stored(world, group.id).size() == 1);
  world.advance(999);
  CHECK(stored(world, group.id).size() == 1);
  world.advance(1);
  CHECK(stored(world, group.id).empty());
}

TEST_CASE("a trim that a crash or a full disk prevented is made up for") {
  CoreConfig config;
  config.small_snapshot_bytes = 0;
  World world(1, config);
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  alice.ack(group.id, 1);
  SECTION("after a restart, when the chat is used next") {
    world.restart();
    auto& back = world.online(*alice.person);
    REQUIRE(success(back.ask(get_chat_request(group.id))));
    world.advance(1000);
    CHECK(stored(world, group.id).empty());
  }
  SECTION("after a failed run") {
    world.backend->fail_next_run(ErrorCode::DISK_FULL);
    world.advance(1000);
    CHECK(stored(world, group.id).size() == 1);
    world.advance(1000);
    CHECK(stored(world, group.id).empty());
  }
}

TEST_CASE("acks rise, and never beyond what is owed") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {});
  const auto other = make_group(world, alice, {bob.person});
  REQUIRE(success(alice.ask(message_request(world, other, 1))));
  wire::Request request;
  const auto add = [&](const ChatId& chat, std::uint64_t seq) {
    auto& cursor = *request.mutable_ack()->add_cursors();
    cursor.set_chat_id(to_string_bytes(chat));
    cursor.set_seq(seq);
  };
  add(group.id, 1);
  CHECK(status(bob.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  request.Clear();
  add(wire::random_group_id(world.random), 1);
  add(other.id, 1);
  CHECK(status(bob.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  request.Clear();
  add(other.id, 3);
  CHECK(status(bob.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  const auto acked = [&] {
    const auto info = bob.ask(get_chat_request(other.id)).chat();
    for (const auto& device : info.roster()) {
      if (device.user_id() == to_string_bytes(bob.person->id)) return device.acked_seq();
    }
    return std::uint64_t{0};
  };
  // The one that was good moved, though its request was not all good.
  CHECK(acked() == 1);
  request.Clear();
  add(other.id, 2);
  CHECK(success(bob.ask(request)));
  request.Clear();
  add(other.id, 1);
  CHECK(success(bob.ask(request)));
  CHECK(acked() == 2);
}

TEST_CASE("a device that left and has all it was owed leaves nothing behind") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto group = make_group(world, alice, {bob.person});
  Change remove;
  remove.removes = {bob.device()};
  REQUIRE(success(alice.ask(modify_request(world, group, bob.person->id, wire::REMOVE, remove))));
  alice.ack(group.id, 2);
  CHECK(stored(world, group.id).size() == 2);
  CHECK(records(world, 'm') == 2);
  bob.ack(group.id, 2);
  CHECK(stored(world, group.id).empty());
  CHECK(records(world, 'm') == 1);
  CHECK(records(world, 'c') == 1);
}

TEST_CASE("acks of one step cost one run, and those that are joined another, however many") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  std::vector<ChatId> chats;
  for (int i = 0; i < 20; ++i) chats.push_back(make_group(world, alice, {bob.person}).id);
  const auto runs = world.backend->runs();
  for (const auto& chat : chats) bob.queue_ack(chat, 1);
  for (const auto& chat : chats) alice.queue_ack(chat, 1);
  world.step();
  CHECK(world.backend->runs() - runs == 1);
  world.advance(world.config.ack_ms);
  CHECK(world.backend->runs() - runs == 2);
  for (const auto& chat : chats) CHECK(stored(world, chat).empty());
}

TEST_CASE("others learn how far a user's devices have acked, once a second at most") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& phone = world.newcomer("bob", 2);
  auto& tablet = world.online(*phone.person, 1);
  Group group;
  REQUIRE(success(alice.ask(create_request(world, group, {alice.device(), phone.device(), tablet.device()},
                                           {alice.person->id}, alice.device()))));
  for (std::uint64_t n = 1; n <= 4; ++n) REQUIRE(success(alice.ask(message_request(world, group, n))));
  phone.ack(group.id, 2);
  world.advance(0);
  REQUIRE(alice.receipts().size() == 1);
  CHECK(alice.receipts()[0].user_id() == to_string_bytes(phone.person->id));
  CHECK(alice.receipts()[0].seq() == 2);
  CHECK(phone.receipts().empty());
  CHECK(tablet.receipts().empty());

  tablet.ack(group.id, 1);  // not the highest: nothing new
  phone.ack(group.id, 3);
  tablet.ack(group.id, 4);
  world.advance(0);
  CHECK(alice.receipts().size() == 1);
  world.advance(999);
  CHECK(alice.receipts().size() == 1);
  world.advance(1);
  REQUIRE(alice.receipts().size() == 2);
  CHECK(alice.receipts()[1].seq() == 4);
}

TEST_CASE("receipts of the time away are told after connecting") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  alice.ack(group.id, 2);
  world.advance(5000);
  world.disconnect(alice);
  world.advance(5000);
  bob.ack(group.id, 2);
  world.advance(60'000);
  world.restart();
  auto& back = world.online(*alice.person);
  REQUIRE(back.receipts().size() == 1);
  CHECK(back.receipts()[0].seq() == 2);
  CHECK(back.receipts()[0].user_id() == to_string_bytes(bob.person->id));
  // Nothing new since that session began: nothing is told.
  world.advance(60'000);
  world.disconnect(back);
  auto& again = world.online(*alice.person);
  world.disconnect(again);
  CHECK(world.online(*alice.person).receipts().empty());
}

TEST_CASE("what was trimmed is to be gone from the files, soon after things are quiet") {
  World world;
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  alice.ack(group.id, 1);
  world.now_ms += 999;
  CHECK_FALSE(world.step().checkpoint);
  world.now_ms += 1;
  CHECK(world.step().checkpoint);
  world.now_ms += 60'000;
  CHECK_FALSE(world.step().checkpoint);
  // Without quiet, every half minute.
  std::uint64_t n = 0;
  auto chat = group;
  bool checkpoint = false;
  for (int second = 0; second < 61 && !checkpoint; ++second) {
    REQUIRE(success(alice.ask(message_request(world, chat, ++n))));
    alice.queue_ack(group.id, n + 1);
    world.now_ms += 500;
    checkpoint = world.step().checkpoint;
  }
  CHECK(checkpoint);
}

TEST_CASE("a chat with a device that stays away is loaded from a snapshot and a short tail") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  world.disconnect(bob);
  for (std::uint64_t n = 1; n <= 600; ++n) {
    REQUIRE(success(alice.ask(message_request(world, group, n))));
    if (n % 100 == 0) world.advance(1000);
  }
  std::uint64_t snapshot = 0;
  world.backend->load(group.id, [&](const Result<LogState>& state) {
    REQUIRE(state.ok());
    snapshot = state->snapshot_seq;
    CHECK(state->first == 1);
  });
  world.backend->run();
  CHECK(snapshot >= 300);
  world.restart();
  auto& back = world.online(*bob.person);
  CHECK(back.heads()->at(group.id).head() == 601);
  CHECK(back.seqs(group.id).size() == 256);
}

}  // namespace sotto::relay::test
