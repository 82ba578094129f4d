// What members tell each other besides the log: who gets it, what is kept of it, and who is refused.
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::relay::test {

namespace {

wire::Request ephemeral(const ChatId& chat, const std::string& payload = "sealed", std::uint32_t generation = 1) {
  wire::Request request;
  auto& command = *request.mutable_send_ephemeral();
  command.set_chat_id(to_string_bytes(chat));
  command.set_generation(generation);
  command.set_payload(payload);
  return request;
}

wire::Request mark(const ChatId& chat, const std::string& payload = "read", std::uint32_t generation = 1) {
  wire::Request request;
  auto& command = *request.mutable_set_read_mark();
  command.set_chat_id(to_string_bytes(chat));
  command.set_generation(generation);
  command.set_payload(payload);
  return request;
}

std::vector<std::string> ephemerals(const Link& link) {
  std::vector<std::string> out;
  for (const auto& push : link.pushes) {
    if (push.has_ephemeral()) out.push_back(push.ephemeral().payload());
  }
  return out;
}

std::vector<std::string> marks(const Link& link) {
  std::vector<std::string> out;
  for (const auto& push : link.pushes) {
    if (push.has_read_mark()) out.push_back(push.read_mark().payload());
  }
  return out;
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("an ephemeral reaches the members who are connected, and is kept nowhere") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob", 2);
  auto& second = world.online(*bob.person, 1);
  auto& carol = world.newcomer("carol");
  auto& dave = world.newcomer("dave");
  Group group;
  REQUIRE(
      success(alice.ask(create_request(world, group, {alice.device(), bob.device(), second.device(), carol.device()},
                                       {alice.person->id}, alice.device()))));
  auto& peek = world.connect(*carol.person);
  REQUIRE(success(peek.authenticate(wire::PEEK)));
  world.disconnect(carol);
  REQUIRE(success(alice.ask(ephemeral(group.id, "typing"))));
  CHECK(ephemerals(bob) == Texts{"typing"});
  CHECK(ephemerals(second) == Texts{"typing"});
  CHECK(ephemerals(alice).empty());
  CHECK(ephemerals(peek).empty());
  CHECK(ephemerals(dave).empty());
  const auto& push = std::ranges::find_if(bob.pushes, &wire::Push::has_ephemeral)->ephemeral();
  CHECK(push.sender_user() == to_string_bytes(alice.person->id));
  CHECK(push.sender_device() == to_string_bytes(alice.device().device));
  CHECK(push.generation() == 1);

  CHECK(ephemerals(world.online(*carol.person)).empty());
}

TEST_CASE("an ephemeral or a mark is refused to who has no say, and in the wrong form") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {});
  for (const auto& make : {ephemeral, mark}) {
    CHECK(status(bob.ask(make(group.id, "x", 1))) == ErrorCode::NOT_PARTICIPANT);
    CHECK(status(bob.ask(make(wire::random_group_id(world.random), "x", 1))) == ErrorCode::UNKNOWN_CHAT);
    const auto stale = alice.ask(make(group.id, "x", 2));
    CHECK(status(stale) == ErrorCode::STALE_GENERATION);
    CHECK(stale.generation() == 1);
    CHECK(status(alice.ask(make(group.id, "", 1))) == ErrorCode::INVALID_ARGUMENT);
    CHECK(success(alice.ask(make(group.id, std::string(wire::limits::signal_bytes, 'x'), 1))));
    CHECK(status(alice.ask(make(group.id, std::string(wire::limits::signal_bytes + 1, 'x'), 1))) ==
          ErrorCode::TOO_LARGE);
  }
  wire::Request bad;
  bad.mutable_send_ephemeral()->set_chat_id("short");
  CHECK(status(alice.ask(bad)) == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("who signals too much is told to wait") {
  CoreConfig config;
  config.ephemerals = {3, 1};
  config.read_marks = {3, 1};
  World world(1, config);
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  for (const auto& make : {ephemeral, mark}) {
    for (int i = 0; i < 3; ++i) CHECK(success(alice.ask(make(group.id, "x", 1))));
    CHECK(status(alice.ask(make(group.id, "x", 1))) == ErrorCode::RATE_LIMITED);
  }
  world.advance(1000);
  CHECK(success(alice.ask(ephemeral(group.id))));
}

TEST_CASE("a slow reader is not fed with ephemerals") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  world.network_is_slow = true;
  const auto before = bob.bytes;
  const std::string large(wire::limits::signal_bytes, 'x');
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 60; ++i) alice.queue(ephemeral(group.id, large));
    world.step();
    world.advance(60'000);
  }
  CHECK(bob.bytes - before < world.config.congested_bytes + 64 * 1024);
  CHECK(bob.bytes - before > 100 * 1024);
}

TEST_CASE("the newest read mark of a user is told at once, and again to who was away") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  const auto group = make_group(world, alice, {bob.person, carol.person});
  world.disconnect(carol);
  REQUIRE(success(bob.ask(mark(group.id, "1"))));
  world.advance(1000);
  REQUIRE(success(bob.ask(mark(group.id, "2"))));
  CHECK(marks(alice) == Texts{"1", "2"});
  CHECK(marks(bob).empty());

  SECTION("also after a restart of the relay") {
    world.restart();
    world.online(*alice.person);
  }
  world.advance(1000);
  auto& back = world.online(*carol.person);
  CHECK(marks(back) == Texts{"2"});
  // Told after the heads, and once: what did not change since is not told again.
  const auto heads = std::ranges::find_if(back.pushes, &wire::Push::has_heads);
  CHECK(heads < std::ranges::find_if(back.pushes, &wire::Push::has_read_mark));
  world.disconnect(back);
  world.advance(10'000);
  CHECK(marks(world.online(*carol.person)).empty());
}

TEST_CASE("a read mark is durable before it is answered, and goes with its reader") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto group = make_group(world, alice, {bob.person});
  const auto before = records(world, 'c');
  world.backend->fail_next_run(ErrorCode::DISK_FULL);
  CHECK(status(bob.ask(mark(group.id))) == ErrorCode::UNAVAILABLE);
  CHECK(marks(alice).empty());
  CHECK(records(world, 'c') == before);
  REQUIRE(success(bob.ask(mark(group.id))));
  REQUIRE(success(bob.ask(mark(group.id))));
  CHECK(records(world, 'c') == before + 1);

  Change change{{}, {bob.device()}, std::nullopt, true};
  REQUIRE(success(alice.ask(modify_request(world, group, bob.person->id, wire::REMOVE, change))));
  alice.ack(group.id, 2);
  bob.ack(group.id, 2);
  world.advance(2000);
  CHECK(records(world, 'c') == 1);  // alice's cursor
}

}  // namespace sotto::relay::test
