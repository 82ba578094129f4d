// Push notices: who is told, how often, and of what.
#include "relay/push_gateway.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"

using namespace sotto;
using namespace sotto::relay;
using namespace sotto::relay::test;

namespace {

CoreConfig with_push() {
  CoreConfig config;
  config.push = true;
  return config;
}

wire::Request token_request(const std::string& token, wire::Urgency at_least = wire::NORMAL) {
  wire::Request request;
  request.mutable_set_push_token()->set_token(token);
  request.mutable_set_push_token()->set_at_least(at_least);
  return request;
}

/// Ann writes to Ben, who has a token and is not there.
struct Scene {
  explicit Scene(const CoreConfig& config = with_push()) : world(1, config) {
    ann = &world.newcomer("ann");
    ben = &world.newcomer("ben");
    group = make_group(world, *ann, {ben->person});
    ben->ack(group.id, 1);
    ann->ack(group.id, 1);
  }
  void set_token(const std::string& token, wire::Urgency at_least = wire::NORMAL) {
    REQUIRE(success(ben->ask(token_request(token, at_least))));
  }
  void leave() {
    auto& person = *ben->person;
    world.disconnect(*ben);
    ben = nullptr;
    away = &person;
  }
  void come() { ben = &world.online(*away); }
  void write(wire::Urgency urgency = wire::NORMAL) {
    auto request = message_request(world, group, ++n);
    request.mutable_send_message()->set_urgency(urgency);
    REQUIRE(success(ann->ask(request)));
    ann->ack(group.id, n + 1);
  }
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const auto& notice : std::exchange(world.notices, {})) {
      out.push_back(notice.token + (notice.high ? " high" : " normal"));
    }
    return out;
  }
  void failed(const std::string& token, bool gone) {
    world.input(PushFailed{away->device(), token, gone});
    world.step();
  }

  World world;
  Link* ann = nullptr;
  Link* ben = nullptr;
  Person* away = nullptr;
  Group group;
  std::uint64_t n = 0;
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("a device that is not connected is told once, until it has come and gone again") {
  Scene scene;
  scene.set_token("ben's");
  scene.write();
  CHECK(scene.told().empty());  // He is there.
  scene.ben->ack(scene.group.id, 2);
  scene.leave();
  for (int i = 0; i < 10; ++i) scene.write();
  CHECK(scene.told() == Told{"ben's normal"});
  CHECK(scene.world.core->counters().push_notices == 1);
  CHECK(scene.world.core->counters().push_coalesced == 9);
  scene.come();
  scene.ben->ack(scene.group.id, 12);
  scene.leave();
  CHECK(scene.told().empty());
  scene.write();
  CHECK(scene.told() == Told{"ben's normal"});
}

TEST_CASE("urgency none tells nobody, and a device may want to hear of urgent entries only") {
  Scene scene;
  scene.set_token("ben's", wire::HIGH);
  scene.leave();
  scene.write(wire::NONE);
  scene.write(wire::NORMAL);
  CHECK(scene.told().empty());
  scene.write(wire::HIGH);
  CHECK(scene.told() == Told{"ben's high"});
}

TEST_CASE("an urgent entry does not wait behind a notice that was not, and time makes either told again") {
  Scene scene;
  scene.set_token("ben's");
  scene.leave();
  scene.write(wire::NORMAL);
  scene.write(wire::HIGH);
  scene.write(wire::HIGH);
  scene.write(wire::NORMAL);
  CHECK(scene.told() == Told{"ben's normal", "ben's high"});
  scene.world.advance(scene.world.config.push_high_again_ms);
  scene.write(wire::NORMAL);
  CHECK(scene.told().empty());
  scene.write(wire::HIGH);
  CHECK(scene.told() == Told{"ben's high"});
  scene.world.advance(scene.world.config.push_normal_again_ms);
  CHECK(scene.told().empty());  // Time alone tells nothing.
  scene.write(wire::NORMAL);
  CHECK(scene.told() == Told{"ben's normal"});
}

TEST_CASE("what a device was sent and had not acked when it vanished is told to it") {
  Scene scene;
  scene.set_token("ben's");
  scene.write(wire::HIGH);
  scene.write(wire::NORMAL);
  scene.write(wire::NONE);
  scene.leave();
  CHECK(scene.told() == Told{"ben's high"});
  scene.come();
  scene.ben->ack(scene.group.id, 3);
  scene.leave();
  CHECK(scene.told().empty());  // All that is left has urgency none.
}

TEST_CASE("a device that is replaced by its newer session is not told") {
  Scene scene;
  scene.set_token("ben's");
  scene.write();
  auto& older = *scene.ben;
  scene.world.online(*older.person);
  scene.world.disconnect(older);
  CHECK(scene.told().empty());
}

TEST_CASE("a token is durable until it is taken back or replaced") {
  Scene scene;
  scene.set_token("first");
  scene.set_token("second");
  CHECK(records(scene.world, 'P') == 1);
  auto& ann = *scene.ann->person;
  auto& ben = *scene.ben->person;
  scene.world.restart();
  scene.ann = &scene.world.online(ann);
  scene.away = &ben;
  scene.write();
  CHECK(scene.told() == Told{"second normal"});
  // What a crash lost, the next entry tells.
  scene.world.restart();
  scene.ann = &scene.world.online(ann);
  scene.write();
  CHECK(scene.told() == Told{"second normal"});
  scene.come();
  scene.set_token("");
  CHECK(records(scene.world, 'P') == 0);
  scene.leave();
  scene.write();
  CHECK(scene.told().empty());
}

TEST_CASE("a notice that the gateway did not take is made anew by the next entry; a token that is gone is forgotten") {
  Scene scene;
  scene.set_token("old");
  scene.leave();
  scene.write();
  CHECK(scene.told() == Told{"old normal"});
  scene.failed("old", false);
  scene.write();
  CHECK(scene.told() == Told{"old normal"});
  scene.come();
  scene.set_token("new");
  scene.leave();
  scene.failed("old", true);  // The new one is another.
  CHECK(records(scene.world, 'P') == 1);
  scene.told();
  scene.write();
  CHECK(scene.told() == Told{"new normal"});
  scene.failed("new", true);
  CHECK(records(scene.world, 'P') == 0);
  CHECK(scene.world.core->counters().push_tokens_gone == 1);
  scene.write();
  CHECK(scene.told().empty());
}

TEST_CASE("tokens have limits, and a relay without a gateway says so") {
  Scene scene;
  CHECK(status(scene.ben->ask(token_request(std::string(4096, 'x')))) == ErrorCode{});
  CHECK(status(scene.ben->ask(token_request(std::string(4097, 'x')))) == ErrorCode::TOO_LARGE);
  CHECK(status(scene.ben->ask(token_request("x", wire::NONE))) == ErrorCode::INVALID_ARGUMENT);
  for (int i = 0; i < 40; ++i) scene.ben->ask(token_request(std::to_string(i)));
  CHECK(status(scene.ben->ask(token_request("one more"))) == ErrorCode::RATE_LIMITED);

  Scene without{CoreConfig{}};
  CHECK(status(without.ben->ask(token_request("x"))) == ErrorCode::UNSUPPORTED);
  CHECK(success(without.ben->ask(token_request(""))));
  without.leave();
  without.write(wire::HIGH);
  CHECK(without.told().empty());
}

TEST_CASE("a gateway is told the token and the urgency, and nothing else") {
  CHECK(as_text(push_text({{}, "abc:DEF-1", true})) == R"({"token":"abc:DEF-1","urgency":"high"})");
  CHECK(as_text(push_text({{}, "{\"endpoint\":\"https://x/\\\"}\n\x1f", false})) ==
        R"({"token":"{\"endpoint\":\"https://x/\\\"}\u000a\u001f","urgency":"normal"})");
}
