// Profiles and block lists: who may see what, and what a block keeps from happening.
#include "crypto/hash.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::relay::test {

namespace {

const std::string token(32, 't');

wire::Request set_profile(const std::string& profile, std::uint64_t version) {
  wire::Request request;
  auto& command = *request.mutable_set_profile();
  command.set_profile(profile);
  command.set_version(version);
  command.set_token_hash(wire::field(crypto::sha256(as_bytes(token)).view()));
  return request;
}

wire::Request get_profile(const UserId& user, const std::string& shown = token) {
  wire::Request request;
  request.mutable_get_profile()->set_user_id(to_string_bytes(user));
  request.mutable_get_profile()->set_token(shown);
  return request;
}

wire::Request block(const std::vector<UserId>& users) {
  wire::Request request;
  for (const auto& user : users) *request.mutable_set_block_list()->add_user_ids() = to_string_bytes(user);
  if (users.empty()) request.mutable_set_block_list();
  return request;
}

}  // namespace

TEST_CASE("a profile is shown to who has its token, also after a restart") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  CHECK(status(bob.ask(get_profile(alice.person->id))) == ErrorCode::NOT_FOUND);
  REQUIRE(success(alice.ask(set_profile("sealed", 1))));
  world.restart();
  auto& back = world.online(*bob.person);
  const auto found = back.ask(get_profile(alice.person->id));
  REQUIRE(success(found));
  CHECK(found.profile().profile() == "sealed");
  CHECK(found.profile().version() == 1);
  CHECK(status(back.ask(get_profile(alice.person->id, std::string(32, 'x')))) == ErrorCode::FORBIDDEN);
  CHECK(status(back.ask(get_profile(alice.person->id, "short"))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(back.ask(get_profile(bob.person->id))) == ErrorCode::NOT_FOUND);
}

TEST_CASE("a profile only gets newer, and a repeat is no conflict") {
  World world;
  auto& alice = world.newcomer("alice");
  REQUIRE(success(alice.ask(set_profile("two", 2))));
  CHECK(success(alice.ask(set_profile("two", 2))));
  CHECK(status(alice.ask(set_profile("another", 2))) == ErrorCode::CONFLICT);
  CHECK(status(alice.ask(set_profile("one", 1))) == ErrorCode::CONFLICT);
  CHECK(status(alice.ask(set_profile("none", 0))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(alice.ask(set_profile(std::string(wire::limits::profile_bytes + 1, 'x'), 3))) == ErrorCode::TOO_LARGE);
  REQUIRE(success(alice.ask(set_profile(std::string(wire::limits::profile_bytes, 'x'), 3))));
  REQUIRE(success(alice.ask(set_profile("", 4))));
  CHECK(status(alice.ask(get_profile(alice.person->id))) == ErrorCode::NOT_FOUND);
}

TEST_CASE("who is blocked puts its blocker into no chat") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  REQUIRE(success(bob.ask(block({alice.person->id}))));
  Group direct;
  direct.type = wire::DIRECT;
  direct.id = wire::direct_chat_id(alice.person->id, bob.person->id);
  CHECK(status(alice.ask(create_request(world, direct, {alice.device(), bob.device()}, {}, alice.device()))) ==
        ErrorCode::BLOCKED);
  auto group = make_group(world, alice, {carol.person});
  const Change change{{bob.device()}, {}, std::nullopt, true};
  CHECK(status(alice.ask(modify_request(world, group, bob.person->id, wire::ADD, change))) == ErrorCode::BLOCKED);
  // The other way round it goes.
  CHECK(success(bob.ask(create_request(world, direct, {alice.device(), bob.device()}, {}, bob.device()))));

  SECTION("until the list is another, also after a restart") {
    world.restart();
    auto& a = world.online(*alice.person);
    auto& b = world.online(*bob.person);
    CHECK(status(a.ask(modify_request(world, group, bob.person->id, wire::ADD, change))) == ErrorCode::BLOCKED);
    REQUIRE(success(b.ask(block({}))));
    CHECK(records(world, 'b') == 0);
    CHECK(success(a.ask(modify_request(world, group, bob.person->id, wire::ADD, change))));
  }
}

TEST_CASE("who is blocked does not learn what arrived in a direct chat") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  Group direct;
  direct.type = wire::DIRECT;
  direct.id = wire::direct_chat_id(alice.person->id, bob.person->id);
  REQUIRE(success(bob.ask(create_request(world, direct, {alice.device(), bob.device()}, {}, bob.device()))));
  alice.ack(direct.id, 1);
  REQUIRE(success(bob.ask(block({alice.person->id}))));
  world.restart();  // The list is not in memory when it is needed.
  auto& a = world.online(*alice.person);
  auto& b = world.online(*bob.person);
  REQUIRE(success(a.ask(message_request(world, direct, 1))));
  b.ack(direct.id, 2);
  world.advance(5000);
  CHECK(a.receipts().empty());
  world.disconnect(a);
  world.advance(1000);
  CHECK(world.online(*alice.person).receipts().empty());
}

TEST_CASE("a block list has its limits") {
  World world;
  auto& alice = world.newcomer("alice");
  std::vector<UserId> users(wire::limits::blocked_users);
  for (auto& user : users) user = random_id<UserId>(world.random);
  CHECK(success(alice.ask(block(users))));
  users.push_back(random_id<UserId>(world.random));
  CHECK(status(alice.ask(block(users))) == ErrorCode::LIMIT_EXCEEDED);
  wire::Request bad;
  *bad.mutable_set_block_list()->add_user_ids() = "short";
  CHECK(status(alice.ask(bad)) == ErrorCode::INVALID_ARGUMENT);
}

}  // namespace sotto::relay::test
