// Bytes of any kind from a client: refused or closed, never more, and no other session notices.
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

TEST_CASE("requests with bytes changed at random harm nobody else") {
  World world(7);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  std::uint64_t n = 0;
  std::vector<wire::Request> seeds;
  seeds.push_back(message_request(world, group, 1));
  seeds.push_back(update_request(world, group));
  seeds.push_back(modify_request(world, group, bob.person->id, wire::REMOVE, {{}, {bob.device()}, {}, false, 1}));
  seeds.push_back(get_chat_request(group.id));
  wire::Request request;
  request.mutable_take_key_packages()->add_user_ids(to_string_bytes(alice.person->id));
  seeds.push_back(request);
  request.mutable_ack()->add_cursors()->set_chat_id(to_string_bytes(group.id));
  seeds.push_back(request);
  Group other;
  seeds.push_back(create_request(world, other, {bob.device(), alice.device()}, {bob.person->id}, bob.device()));

  Link* mallory = &bob;
  for (int i = 0; i < 3000; ++i) {
    wire::Envelope envelope;
    envelope.set_id(1'000'000 + static_cast<std::uint64_t>(i));
    *envelope.mutable_request() = seeds[world.random.below(seeds.size())];
    auto bytes = wire::encode(envelope);
    for (auto count = world.random.below(4) + 1; count > 0; --count) {
      bytes[world.random.below(bytes.size())] = static_cast<std::uint8_t>(world.random.below(256));
    }
    if (world.random.below(10) == 0) bytes.resize(world.random.below(bytes.size()) + 1);
    world.input(Received{mallory->id, bytes});
    // Answers to ids that were changed, too, are of no interest.
    mallory->answers.clear();
    world.step();
    if (mallory->closed) mallory = &world.online(*bob.person);
    if (i % 100 == 0) {
      REQUIRE(success(alice.ask(message_request(world, group, ++n))));
      alice.ack(group.id, alice.seqs(group.id).back());
    }
  }
  CHECK_FALSE(alice.closed);
}

TEST_CASE("random bytes are closed upon") {
  World world(8);
  auto& alice = world.newcomer("alice");
  for (int i = 0; i < 500; ++i) {
    auto& link = world.connect(world.person("mallory"));
    Bytes bytes(world.random.below(300) + 1);
    world.random.fill(bytes);
    world.input(Received{link.id, bytes});
    world.step();
    world.disconnect(link);
  }
  CHECK(status(alice.ask(get_chat_request(wire::random_group_id(world.random)))) == ErrorCode::UNKNOWN_CHAT);
}

}  // namespace sotto::relay::test
