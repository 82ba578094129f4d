// Acks of a busy device are carried out together; what they promise is the same.
#include "base/ids.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

namespace sotto::relay::test {

namespace {

using Seqs = std::vector<std::uint64_t>;

/// Alice and Bob in a group; Alice has acked all, Bob its first entry, just now.
struct Pair {
  explicit Pair(const CoreConfig& config = {}) : world(1, config) { begin(); }
  World world;
  Link& alice = world.newcomer("alice");
  Link& bob = world.newcomer("bob");
  Group group = make_group(world, alice, {bob.person});
  std::uint64_t n = 0;

  void begin() {
    alice.ack(group.id, 1);
    bob.ack(group.id, 1);
    REQUIRE(stored(world, group.id).empty());
  }
  std::uint64_t send() {
    const auto answer = alice.ask(message_request(world, group, ++n));
    REQUIRE(success(answer));
    return answer.accepted().seq();
  }
  /// Of all of Alice's messages.
  void acked_by_alice() {
    world.advance(world.config.ack_ms);
    alice.ack(group.id, n + 1);
  }
};

}  // namespace

TEST_CASE("the first ack after a pause is carried out at once; those close behind it together") {
  Pair pair;
  auto& [world, alice, bob, group, n] = pair;
  for (int i = 0; i < 5; ++i) pair.send();
  pair.acked_by_alice();
  bob.ack(group.id, 2);
  CHECK(stored(world, group.id) == Seqs{3, 4, 5, 6});
  const auto writes = world.backend->writes();
  for (const auto seq : Seqs{3, 4, 5, 6}) bob.ack(group.id, seq);
  CHECK(world.backend->writes() == writes);
  CHECK(stored(world, group.id) == Seqs{3, 4, 5, 6});
  world.advance(world.config.ack_ms - 1);
  CHECK(stored(world, group.id) == Seqs{3, 4, 5, 6});
  world.advance(1);
  CHECK(stored(world, group.id).empty());
  // Who is not busy waits for nothing.
  world.advance(world.config.ack_ms);
  pair.send();
  alice.ack(group.id, 7);
  bob.ack(group.id, 7);
  CHECK(stored(world, group.id).empty());
}

TEST_CASE("acks make room for more before they are carried out, and nothing comes twice") {
  Pair pair;
  auto& [world, alice, bob, group, n] = pair;
  constexpr std::uint64_t many = 1000;
  for (std::uint64_t i = 0; i < many; ++i) {
    alice.queue(message_request(world, group, ++n));
    if (i % 100 == 99) world.step();
  }
  REQUIRE(bob.seqs(group.id).size() == 1 + 256);
  // No time passes.
  while (bob.seqs(group.id).size() < 1 + many) {
    const auto before = bob.seqs(group.id).size();
    bob.ack(group.id, bob.seqs(group.id).back());
    REQUIRE(bob.seqs(group.id).size() > before);
  }
  bob.ack(group.id, 1 + many);
  pair.send();
  Seqs all;
  for (std::uint64_t seq = 1; seq <= 2 + many; ++seq) all.push_back(seq);
  CHECK(bob.seqs(group.id) == all);
  bob.ack(group.id, 2 + many);
  pair.acked_by_alice();
  world.advance(1000);
  CHECK(stored(world, group.id).empty());
}

TEST_CASE("what a device has is not sent again before its ack is carried out, also after its connection was full") {
  CoreConfig config;
  config.congested_bytes = 1;
  Pair pair(config);
  auto& [world, alice, bob, group, n] = pair;
  world.network_is_slow = true;
  pair.send();
  REQUIRE(bob.seqs(group.id) == Seqs{1, 2});
  // Its entry leaves, it is acked, and there is nothing more for the moment.
  world.network_is_slow = false;
  for (const auto* link : {&alice, &bob}) world.input(Drained{link->id, 0});
  bob.queue_ack(group.id, 2);
  world.step();
  pair.send();
  CHECK(bob.seqs(group.id) == Seqs{1, 2, 3});
}

TEST_CASE("what was acked before its connection ended, its device logged out, or the relay ended is acked") {
  enum class End { connection, device, relay };
  const auto end = GENERATE(End::connection, End::device, End::relay);
  Pair pair;
  auto& [world, alice, bob, group, n] = pair;
  for (int i = 0; i < 2; ++i) pair.send();
  pair.acked_by_alice();
  bob.ack(group.id, 2);
  bob.ack(group.id, 3);
  REQUIRE(stored(world, group.id) == Seqs{3});
  if (end == End::connection) {
    world.disconnect(bob);
    world.step();
  } else if (end == End::device) {
    wire::Request request;
    request.mutable_log_out();
    CHECK(success(bob.ask(request)));
  } else {
    world.core->stop(Timestamp(std::chrono::milliseconds(world.now_ms)));
  }
  CHECK(stored(world, group.id).empty());
}

TEST_CASE("an ack that comes with the end of its connection counts, whatever waits before it") {
  Pair pair;
  auto& [world, alice, bob, group, n] = pair;
  for (int i = 0; i < 3; ++i) pair.send();
  pair.acked_by_alice();
  bob.ack(group.id, 2);
  const bool joined = GENERATE(true, false);
  if (joined) bob.ack(group.id, 3);
  bob.queue(get_chat_request(group.id));
  bob.queue_ack(group.id, 4);
  world.disconnect(bob);
  world.step();
  CHECK(stored(world, group.id).empty());
  auto& again = world.online(*bob.person);
  CHECK(again.seqs(group.id).empty());
}

TEST_CASE("an ack of nothing sensible changes nothing and leaves no trace") {
  Pair pair;
  auto& [world, alice, bob, group, n] = pair;
  pair.send();
  bob.ack(group.id, 1);
  // Of what does not exist yet, of a chat that does not exist, and of something that is no chat.
  bob.ack(group.id, 9);
  bob.ack(random_id<ChatId>(world.random), 1);
  wire::Request request;
  request.mutable_ack()->add_cursors()->set_chat_id("short");
  CHECK(status(bob.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  world.advance(world.config.ack_ms);
  pair.acked_by_alice();
  CHECK(stored(world, group.id) == Seqs{2});
  pair.send();
  CHECK(bob.seqs(group.id) == Seqs{1, 2, 3});
}

TEST_CASE("an ack of a chat that cannot be read at the moment is carried out once it can") {
  Pair pair;
  pair.send();
  pair.acked_by_alice();
  auto& world = pair.world;
  world.restart();
  auto& back = world.online(*pair.bob.person);
  REQUIRE(back.seqs(pair.group.id) == Seqs{2});
  world.restart();
  world.backend->fail_log_reads(ErrorCode::IO_ERROR);
  auto& again = world.online(*pair.bob.person);
  again.ack(pair.group.id, 2);
  world.advance(2000);
  world.backend->fail_log_reads(std::nullopt);
  REQUIRE(stored(world, pair.group.id) == Seqs{2});
  for (int seconds = 0; seconds < 4; ++seconds) world.advance(1000);
  CHECK(stored(world, pair.group.id).empty());
}

}  // namespace sotto::relay::test
