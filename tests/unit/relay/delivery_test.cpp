// Who gets what: stubs, Welcomes, joining, leaving and coming back; windows, turns and slow devices.
#include <algorithm>

#include "crypto/hash.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

using Seqs = std::vector<std::uint64_t>;

namespace {

Change adds(std::vector<DeviceRef> devices) {
  Change change;
  change.adds = std::move(devices);
  return change;
}
Change removes(std::vector<DeviceRef> devices) {
  Change change;
  change.removes = std::move(devices);
  return change;
}

std::string secret_of(const DeviceRef& device) { return "secret of " + device.device.to_string(); }

}  // namespace

TEST_CASE("the sender gets a stub, the others the message") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  const auto request = message_request(world, group, 1, "for bob");
  const auto answer = alice.ask(request);
  REQUIRE(success(answer));
  const auto& message = request.send_message().message();

  REQUIRE(alice.seqs(group.id) == Seqs{1, 2});
  const auto stub = alice.entries(group.id)[1];
  REQUIRE(stub.has_stub());
  CHECK(stub.stub().client_message_id() == answer.accepted().client_message_id());
  CHECK(stub.stub().sha256() == wire::field(crypto::sha256(wire::view(message)).view()));
  CHECK(stub.message_id() == answer.accepted().message_id());

  REQUIRE(bob.seqs(group.id) == Seqs{1, 2});
  const auto entry = bob.entries(group.id)[1];
  CHECK(entry.message() == message);
  CHECK(entry.sender_user() == to_string_bytes(alice.person->id));
  CHECK(entry.sender_device() == to_string_bytes(alice.device().device));
  CHECK(entry.time() == world.now_ms);
}

TEST_CASE("a founded chat reaches its members as a Welcome and its maker as a stub") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  Group group;
  const auto request = create_request(world, group, {alice.device(), bob.device()}, {alice.person->id}, alice.device());
  REQUIRE(success(alice.ask(request)));
  REQUIRE(alice.joins().empty());
  const auto stub = alice.entries(group.id).at(0);
  REQUIRE(stub.has_stub());
  CHECK(stub.stub().sha256() ==
        wire::field(crypto::sha256(wire::view(request.create_chat().commit().founding_aad())).view()));

  REQUIRE(bob.joins().size() == 1);
  const auto joined = bob.joins()[0];
  CHECK(joined.type() == wire::GROUP);
  CHECK(joined.generation() == 1);
  CHECK(joined.entry().seq() == 1);
  CHECK(joined.entry().welcome().shared() == "the shared part");
  CHECK(joined.entry().welcome().secret() == secret_of(bob.device()));
  CHECK(joined.entry().payload_case() == wire::Entry::PAYLOAD_NOT_SET);
}

TEST_CASE("a joiner gets its own Welcome and what follows; the others the commit without any") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  auto group = make_group(world, alice, {bob.person});
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  const auto add = adds({carol.device()});
  const auto request = modify_request(world, group, carol.person->id, wire::ADD, add);
  const auto answer = alice.ask(request);
  REQUIRE(success(answer));
  accepted(group, add, 3);
  REQUIRE(success(bob.ask(message_request(world, group, 1))));

  CHECK(carol.seqs(group.id) == Seqs{3, 4});
  REQUIRE(carol.joins().size() == 1);
  CHECK(carol.joins()[0].entry().welcome().secret() == secret_of(carol.device()));
  CHECK(carol.joins()[0].entry().handshake() == request.modify_chat_participants().commit().message());
  const auto commit = bob.entries(group.id).at(2);
  CHECK(commit.handshake() == request.modify_chat_participants().commit().message());
  CHECK_FALSE(commit.has_welcome());
  CHECK(alice.entries(group.id).at(2).has_stub());
  CHECK_FALSE(alice.entries(group.id).at(2).has_welcome());
}

TEST_CASE("a replaced device gets the commit and its Welcome, and keeps its cursor") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto group = make_group(world, alice, {bob.person});
  bob.ack(group.id, 1);
  world.disconnect(bob);
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  Change replace = adds({bob.device()});
  replace.removes = {bob.device()};
  REQUIRE(success(alice.ask(update_request(world, group, replace))));
  accepted(group, replace, 3);

  auto& back = world.online(*bob.person);
  REQUIRE(back.heads());
  CHECK(back.heads()->at(group.id).head() == 3);
  CHECK(back.heads()->at(group.id).acked_seq() == 1);
  CHECK(back.seqs(group.id) == Seqs{2, 3});
  CHECK(back.joins().empty());
  const auto entry = back.entries(group.id)[1];
  CHECK(entry.payload_case() == wire::Entry::kHandshake);
  CHECK(entry.welcome().secret() == secret_of(bob.device()));
}

TEST_CASE("a removed device is owed all up to its removal, also after it was added again") {
  for (const bool restart : {false, true}) {
    World world;
    auto& alice = world.newcomer("alice");
    auto& bob = world.newcomer("bob");
    auto group = make_group(world, alice, {bob.person});
    world.disconnect(bob);
    REQUIRE(success(alice.ask(message_request(world, group, 1))));  // 2
    const auto remove = removes({bob.device()});
    REQUIRE(success(alice.ask(modify_request(world, group, bob.person->id, wire::REMOVE, remove))));  // 3
    accepted(group, remove, 3);
    REQUIRE(success(alice.ask(message_request(world, group, 2))));  // 4, not for Bob
    const auto add = adds({bob.device()});
    REQUIRE(success(alice.ask(modify_request(world, group, bob.person->id, wire::ADD, add))));  // 5
    accepted(group, add, 5);
    REQUIRE(success(alice.ask(message_request(world, group, 3))));  // 6
    if (restart) world.restart();

    auto& back = world.online(*bob.person);
    CHECK(back.heads()->at(group.id).head() == 6);
    CHECK(back.seqs(group.id) == Seqs{1, 2, 3, 5, 6});
    REQUIRE(back.joins().size() == 2);
    CHECK(back.joins()[0].entry().seq() == 1);
    CHECK(back.joins()[1].entry().seq() == 5);
    CHECK(back.entries(group.id)[2].payload_case() == wire::Entry::kHandshake);
    for (const auto& push : back.pushes) CHECK_FALSE(push.has_gap());
  }
}

TEST_CASE("a removed device that is not added again gets its removal as the last") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto group = make_group(world, alice, {bob.person});
  const auto remove = removes({bob.device()});
  REQUIRE(success(alice.ask(modify_request(world, group, bob.person->id, wire::REMOVE, remove))));
  accepted(group, remove, 2);
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  CHECK(bob.seqs(group.id) == Seqs{1, 2});
  world.disconnect(bob);
  auto& back = world.online(*bob.person);
  CHECK(back.heads()->at(group.id).head() == 2);
  CHECK(back.seqs(group.id) == Seqs{1, 2});
  back.ack(group.id, 2);
  world.disconnect(back);
  CHECK(world.online(*bob.person).heads()->empty());
}

TEST_CASE("heads come before any entry") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  world.disconnect(bob);
  auto& back = world.online(*bob.person);
  REQUIRE(back.pushes.size() >= 2);
  CHECK(back.pushes[0].has_heads());
  CHECK(back.pushes[0].heads().last());
  CHECK(back.pushes[1].has_chat_joined());
}

TEST_CASE("more chats than a page of heads holds") {
  CoreConfig config;
  config.cached_chats = 50;
  World world(1, config);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  std::set<ChatId> chats;
  for (int i = 0; i < 300; ++i) chats.insert(make_group(world, alice, {bob.person}).id);
  world.disconnect(bob);
  world.restart();
  auto& back = world.online(*bob.person);
  REQUIRE(back.heads());
  CHECK(back.heads()->size() == 300);
  // The window holds 256 of them; the rest comes with the acks.
  CHECK(back.joins().size() == 256);
  for (const auto& joined : back.joins()) back.ack(*id_from<ChatId>(wire::view(joined.chat_id())), 1);
  CHECK(back.joins().size() == 300);
  for (const auto& joined : back.joins()) CHECK(chats.contains(*id_from<ChatId>(wire::view(joined.chat_id()))));
}

TEST_CASE("at most 256 entries or about 1 MiB are in flight to a device; an ack makes room") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto group = make_group(world, alice, {bob.person});
  const bool large = GENERATE(false, true);
  const std::uint64_t count = large ? 40 : 400;
  for (std::uint64_t n = 1; n <= count; ++n) {
    REQUIRE(success(alice.ask(message_request(world, group, n, std::string(large ? 60'000 : 10, 'x')))));
    alice.ack(group.id, n + 1);
  }
  auto got = bob.seqs(group.id);
  if (large) {
    CHECK(bob.bytes <= 1024 * 1024 + 64 * 1024);
    CHECK(bob.bytes >= 900 * 1024);
  } else {
    CHECK(got.size() == 256);
  }
  while (got.size() <= count) {
    const auto before = got.size();
    bob.ack(group.id, got[got.size() / 2]);
    bob.ack(group.id, got.back());
    got = bob.seqs(group.id);
    REQUIRE(got.size() > before);
  }
  for (std::uint64_t i = 0; i <= count; ++i) REQUIRE(got[i] == i + 1);
  CHECK(got.size() == count + 1);
}

TEST_CASE("chats are served in turn, so a full one does not hold up another") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto full = make_group(world, alice, {bob.person});
  auto other = make_group(world, alice, {bob.person});
  world.disconnect(bob);
  for (std::uint64_t n = 1; n <= 300; ++n) REQUIRE(success(alice.ask(message_request(world, full, n))));
  REQUIRE(success(alice.ask(message_request(world, other, 1))));
  world.restart();
  auto& back = world.online(*bob.person);
  CHECK(back.seqs(other.id) == Seqs{1, 2});
  CHECK(back.seqs(full.id).size() == 254);
}

TEST_CASE("a device that does not read holds up nobody else, and costs bounded memory") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  auto group = make_group(world, alice, {bob.person, carol.person});
  for (std::uint64_t n = 1; n <= 60; ++n) {
    REQUIRE(success(alice.ask(message_request(world, group, n, std::string(60'000, 'x')))));
    alice.ack(group.id, n + 1);
    carol.ack(group.id, n + 1);
  }
  CHECK(carol.seqs(group.id).size() == 61);
  CHECK(bob.bytes < 1200 * 1024);
  world.network_is_slow = true;
  auto& slow = world.online(*bob.person);
  CHECK(slow.bytes < 700 * 1024);
  world.network_is_slow = false;
  world.input(Drained{slow.id, 0});
  world.step();
  CHECK(slow.bytes > 900 * 1024);
}

TEST_CASE("every device of a user gets its own copy and moves its own cursor") {
  World world;
  auto& phone = world.newcomer("alice", 2);
  auto& tablet = world.online(*phone.person, 1);
  auto& bob = world.newcomer("bob");
  Group group;
  REQUIRE(success(phone.ask(create_request(world, group, {phone.device(), tablet.device(), bob.device()},
                                           {phone.person->id}, phone.device()))));
  CHECK(tablet.joins().size() == 1);
  REQUIRE(success(tablet.ask(message_request(world, group, 1, "from the tablet"))));
  CHECK(tablet.entries(group.id)[1].has_stub());
  CHECK(phone.entries(group.id)[1].payload_case() == wire::Entry::kMessage);
  phone.ack(group.id, 2);
  world.disconnect(phone);
  world.disconnect(tablet);
  CHECK(world.online(*phone.person).heads()->empty());
  CHECK(world.online(*phone.person, 1).heads()->at(group.id).acked_seq() == 0);
}

}  // namespace sotto::relay::test
