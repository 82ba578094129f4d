// Entries go after their time, acked or not; who was owed one is told of the gap.
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

namespace {

constexpr std::uint64_t day = 24ULL * 3600 * 1000;

std::vector<wire::Gap> gaps(const Link& link) {
  std::vector<wire::Gap> out;
  for (const auto& push : link.pushes) {
    if (push.has_gap()) out.push_back(push.gap());
  }
  return out;
}

void pass(World& world, std::uint64_t days) {
  for (std::uint64_t hour = 0; hour < days * 24; ++hour) world.advance(day / 24);
}

}  // namespace

TEST_CASE("an entry that somebody never acks is gone after 30 days, and not before") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  bob.ack(group.id, 1);
  world.disconnect(bob);
  REQUIRE(success(alice.ask(message_request(world, group, 1))));
  alice.ack(group.id, 2);
  pass(world, 29);
  CHECK(stored(world, group.id).size() == 1);
  CHECK(records(world, 'e') == 1);
  pass(world, 3);
  CHECK(stored(world, group.id).empty());
  CHECK(records(world, 'e') == 0);

  auto& back = world.online(*bob.person);
  REQUIRE(gaps(back).size() == 1);
  CHECK(gaps(back)[0].from() == 2);
  CHECK(gaps(back)[0].to() == 2);
  CHECK(gaps(back)[0].handshakes() == 0);
  CHECK(back.entries(group.id).empty());
  // The chat goes on behind the gap.
  back.ack(group.id, 2);
  auto& again = world.online(*alice.person);
  REQUIRE(success(again.ask(message_request(world, group, 2))));
  CHECK(back.seqs(group.id) == std::vector<std::uint64_t>{3});
}

TEST_CASE("only what is old goes; a handshake in the gap is told; a restart makes no difference") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  world.disconnect(bob);
  pass(world, 20);
  auto& later = world.online(*alice.person);
  REQUIRE(success(later.ask(message_request(world, group, 1))));
  world.restart();
  pass(world, 12);
  CHECK(stored(world, group.id).size() == 1);
  auto& back = world.online(*bob.person);
  REQUIRE(gaps(back).size() == 1);
  CHECK(gaps(back)[0].to() == 1);
  CHECK(gaps(back)[0].handshakes() == 1);
  CHECK(back.seqs(group.id) == std::vector<std::uint64_t>{2});
}

TEST_CASE("what was acked by all leaves no work for later") {
  World world;
  auto& alice = world.newcomer("alice");
  const auto group = make_group(world, alice, {});
  alice.ack(group.id, 1);
  CHECK(stored(world, group.id).empty());
  pass(world, 33);
  CHECK(records(world, 'e') == 0);
}

}  // namespace sotto::relay::test
