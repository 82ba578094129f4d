// Commits: the handshake slot, the roster, and who may change it.
#include "crypto/sign.h"
#include "support/catch.h"
#include "unit/relay/support/private_message.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

namespace {

struct Team {
  World world;
  Link& alice = world.newcomer("alice", 2);
  Link& bob = world.newcomer("bob", 2);
  Link& carol = world.newcomer("carol");
  Group group = make_group(world, alice, {bob.person});

  wire::Response modify(Link& by, const Link& user, wire::Operation operation, const Change& change) {
    return by.ask(modify_request(world, group, user.person->id, operation, change));
  }
};

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

}  // namespace

TEST_CASE("one commit wins a handshake slot; the other is told which") {
  Team t;
  auto by_alice = update_request(t.world, t.group);
  auto by_bob = update_request(t.world, t.group);
  const auto first = t.alice.queue(by_alice);
  const auto second = t.bob.queue(by_bob);
  t.world.step();
  REQUIRE(success(t.alice.answer(first)));
  CHECK(t.alice.answer(first).accepted().seq() == 2);
  CHECK(status(t.bob.answer(second)) == ErrorCode::EPOCH_CONFLICT);
  CHECK(t.bob.answer(second).handshake_seq() == 2);

  // The same bytes again are the same commit, whatever came since; other bytes are not.
  const auto again = t.alice.ask(by_alice);
  REQUIRE(success(again));
  CHECK(again.accepted().seq() == 2);
  CHECK(again.accepted().message_id() == t.alice.answer(first).accepted().message_id());
  CHECK(again.accepted().client_message_id() == t.alice.answer(first).accepted().client_message_id());
  CHECK(status(t.bob.ask(by_alice)) == ErrorCode::EPOCH_CONFLICT);
  t.world.restart();
  auto& alice = t.world.online(*t.alice.person);
  CHECK(alice.ask(by_alice).accepted().seq() == 2);
}

TEST_CASE("a commit is refused for its chat, generation, content, size or sender, and nothing changes") {
  Team t;
  auto request = update_request(t.world, t.group);
  CHECK(status(t.carol.ask(request)) == ErrorCode::NOT_PARTICIPANT);
  auto& commit = *request.mutable_update_chat()->mutable_commit();
  SECTION("a stale generation") {
    t.group.generation = 2;
    const auto answer = t.alice.ask(update_request(t.world, t.group));
    CHECK(status(answer) == ErrorCode::STALE_GENERATION);
    CHECK(answer.generation() == 1);
  }
  SECTION("a generation that is not the group_id's") {
    commit.set_generation(2);
    CHECK(status(t.alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  }
  SECTION("garbage") {
    commit.set_message("garbage");
    CHECK_FALSE(success(t.alice.ask(request)));
  }
  SECTION("no CommitAad") {
    commit.set_message(wire::field(
        private_message(t.group.id, 1, wire::MlsContentType::commit, as_bytes("garbage"), as_bytes("a commit"))));
    CHECK(status(t.alice.ask(request)) == ErrorCode::MALFORMED);
  }
  SECTION("too large") {
    commit.mutable_welcome()->set_shared(std::string(192 * 1024, 'x'));
    CHECK(status(t.alice.ask(request)) == ErrorCode::TOO_LARGE);
  }
  SECTION("another roster than the relay's") {
    auto aad = aad_of(t.world, t.group, {});
    aad.roster_digest.bytes[5] ^= 1;
    commit.set_message(
        wire::field(private_message(t.group.id, 1, wire::MlsContentType::commit, encode(aad), as_bytes("a commit"))));
    const auto answer = t.alice.ask(request);
    CHECK(status(answer) == ErrorCode::ROSTER_MISMATCH);
    CHECK(answer.roster_size() == 2);
  }
  SECTION("a Welcome for nobody") {
    commit.mutable_welcome()->add_secrets()->set_device_id(to_string_bytes(t.carol.device().device));
    CHECK(status(t.alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  }
  CHECK(t.alice.ask(get_chat_request(t.group.id)).chat().head() == 1);
}

TEST_CASE("an admin adds and removes users by modifyChatParticipants") {
  Team t;
  const auto add = adds({t.carol.device()});
  const auto added = t.modify(t.alice, t.carol, wire::ADD, add);
  REQUIRE(success(added));
  accepted(t.group, add, added.accepted().seq());
  CHECK(t.alice.ask(get_chat_request(t.group.id)).chat().min_handshake() == 2);

  const auto remove = removes({t.bob.device()});
  const auto removed = t.modify(t.alice, t.bob, wire::REMOVE, remove);
  REQUIRE(success(removed));
  accepted(t.group, remove, removed.accepted().seq());
  CHECK(status(t.bob.ask(message_request(t.world, t.group, 1))) == ErrorCode::NOT_PARTICIPANT);
  CHECK(success(t.carol.ask(message_request(t.world, t.group, 1))));
}

TEST_CASE("others may not") {
  Team t;
  CHECK(status(t.modify(t.bob, t.carol, wire::ADD, adds({t.carol.device()}))) == ErrorCode::FORBIDDEN);
  CHECK(status(t.modify(t.bob, t.alice, wire::REMOVE, removes({t.alice.device()}))) == ErrorCode::FORBIDDEN);
  Change promote;
  promote.admins = {{t.alice.person->id, t.bob.person->id}};
  CHECK(status(t.bob.ask(update_request(t.world, t.group, promote))) == ErrorCode::FORBIDDEN);
  CHECK(success(t.alice.ask(update_request(t.world, t.group, promote))));
}

TEST_CASE("a user adds and removes its own other devices, never the committing one") {
  Team t;
  const auto second = t.bob.person->device(1);
  const auto add = adds({second});
  const auto added = t.modify(t.bob, t.bob, wire::ADD, add);
  REQUIRE(success(added));
  accepted(t.group, add, added.accepted().seq());
  const auto remove = removes({second});
  const auto removed = t.bob.ask(update_request(t.world, t.group, remove));
  REQUIRE(success(removed));
  accepted(t.group, remove, removed.accepted().seq());
  CHECK(status(t.bob.ask(update_request(t.world, t.group, removes({t.bob.device()})))) == ErrorCode::FORBIDDEN);
  CHECK(status(t.modify(t.bob, t.bob, wire::REMOVE, removes({t.bob.device()}))) == ErrorCode::FORBIDDEN);
}

TEST_CASE("the change is the one that the command names") {
  Team t;
  const auto carol = adds({t.carol.device()});
  CHECK(status(t.modify(t.alice, t.bob, wire::ADD, carol)) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(t.modify(t.alice, t.carol, wire::ADD, {})) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(t.modify(t.alice, t.carol, wire::REMOVE, carol)) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(t.modify(t.alice, t.carol, wire::OPERATION_UNSPECIFIED, carol)) == ErrorCode::INVALID_ARGUMENT);
  auto unwelcomed = modify_request(t.world, t.group, t.carol.person->id, wire::ADD, carol);
  unwelcomed.mutable_modify_chat_participants()->mutable_commit()->clear_welcome();
  CHECK(status(t.alice.ask(unwelcomed)) == ErrorCode::INVALID_ARGUMENT);

  const auto second = adds({t.bob.person->device(1)});
  const auto added = t.modify(t.alice, t.bob, wire::ADD, second);
  REQUIRE(success(added));
  accepted(t.group, second, added.accepted().seq());
  // A REMOVE takes all devices of the user.
  CHECK(status(t.modify(t.alice, t.bob, wire::REMOVE, removes({t.bob.device()}))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(success(t.modify(t.alice, t.bob, wire::REMOVE, removes({t.bob.device(), t.bob.person->device(1)}))));
}

TEST_CASE("an admin's updateChat mends the roster; the device that is put back gets the commit, not a Welcome") {
  Team t;
  REQUIRE(success(t.bob.ask(message_request(t.world, t.group, 1))));
  // As after a commit that all members skipped, and the relay could not know.
  const auto remove = removes({t.bob.device()});
  const auto removed = t.alice.ask(update_request(t.world, t.group, remove));
  REQUIRE(success(removed));
  accepted(t.group, remove, removed.accepted().seq());
  REQUIRE(success(t.alice.ask(message_request(t.world, t.group, 1))));
  const auto repair = adds({t.bob.device()});
  auto request = update_request(t.world, t.group, repair);
  request.mutable_update_chat()->mutable_commit()->clear_welcome();
  const auto repaired = t.alice.ask(request);
  REQUIRE(success(repaired));
  accepted(t.group, repair, repaired.accepted().seq());
  CHECK(t.bob.seqs(t.group.id) == std::vector<std::uint64_t>{1, 2, 3, 5});
  CHECK(t.bob.joins().size() == 1);
  CHECK(t.bob.entries(t.group.id).back().handshake() == request.update_chat().commit().message());
  CHECK(success(t.bob.ask(message_request(t.world, t.group, 1))));
}

TEST_CASE("an added device must be in its user's list under its era") {
  Team t;
  CHECK(status(
            t.modify(t.alice, t.carol, wire::ADD, adds({{t.carol.person->id, random_id<DeviceId>(t.world.random)}}))) ==
        ErrorCode::CERTIFICATE_REFUSED);
  auto wrong_era = adds({t.carol.device()});
  wrong_era.era = 2;
  CHECK(status(t.modify(t.alice, t.carol, wire::ADD, wrong_era)) == ErrorCode::CERTIFICATE_REFUSED);
  auto& stranger = t.world.person("stranger");
  CHECK(status(t.alice.ask(modify_request(t.world, t.group, stranger.id, wire::ADD, adds({stranger.device()})))) ==
        ErrorCode::UNKNOWN_USER);
}

TEST_CASE("nobody is added to or removed from a direct chat, but own devices come and go") {
  World world;
  auto& alice = world.newcomer("alice", 2);
  auto& bob = world.newcomer("bob");
  auto& carol = world.newcomer("carol");
  Group group;
  group.type = wire::DIRECT;
  group.id = wire::direct_chat_id(alice.person->id, bob.person->id);
  REQUIRE(success(alice.ask(create_request(world, group, {alice.device(), bob.device()},
                                           {alice.person->id, bob.person->id}, alice.device()))));
  CHECK(status(alice.ask(modify_request(world, group, carol.person->id, wire::ADD, adds({carol.device()})))) ==
        ErrorCode::FORBIDDEN);
  CHECK(status(alice.ask(modify_request(world, group, bob.person->id, wire::REMOVE, removes({bob.device()})))) ==
        ErrorCode::FORBIDDEN);
  CHECK(success(alice.ask(modify_request(world, group, alice.person->id, wire::ADD, adds({alice.person->device(1)})))));
}

TEST_CASE("a device under a new key is not the one on the roster until it is replaced there") {
  Team t;
  auto& phone = t.bob.person->phones[0];
  phone.key = crypto::generate_signature_key(t.world.random);
  phone.era = 2;
  wire::Request list;
  *list.mutable_put_device_list()->mutable_device_list() = t.bob.person->next_list();
  REQUIRE(success(t.bob.ask(list)));
  phone.session = 0;
  phone.ack_no = 0;
  auto& bob = t.world.online(*t.bob.person);
  CHECK(status(bob.ask(message_request(t.world, t.group, 1))) == ErrorCode::NOT_PARTICIPANT);
  Change replace = adds({bob.device()});
  replace.removes = {bob.device()};
  replace.era = 2;
  const auto answer = t.alice.ask(update_request(t.world, t.group, replace));
  REQUIRE(success(answer));
  accepted(t.group, replace, answer.accepted().seq());
  CHECK(success(bob.ask(message_request(t.world, t.group, 1))));
}

TEST_CASE("a number starts anew for each device that a commit adds, also a replaced one") {
  Team t;
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(success(t.bob.ask(message_request(t.world, t.group, n))));
  REQUIRE(success(t.alice.ask(message_request(t.world, t.group, 1))));
  Change replace = adds({t.bob.device()});
  replace.removes = {t.bob.device()};
  const auto answer = t.alice.ask(update_request(t.world, t.group, replace));
  REQUIRE(success(answer));
  CHECK(answer.accepted().last_n() == 1);
  accepted(t.group, replace, answer.accepted().seq());
  CHECK(status(t.bob.ask(message_request(t.world, t.group, 4))) == ErrorCode::OUT_OF_ORDER);
  CHECK(t.bob.ask(message_request(t.world, t.group, 1)).accepted().last_n() == 1);
  CHECK(success(t.alice.ask(message_request(t.world, t.group, 2))));
}

TEST_CASE("at most 100 adds in a commit, and 10 devices of a user") {
  World world;
  auto& alice = world.newcomer("alice", 10);
  auto group = make_group(world, alice, {});
  std::vector<DeviceRef> many;
  for (std::size_t i = 1; i < 10; ++i) many.push_back(alice.person->device(i));
  many.push_back({alice.person->id, random_id<DeviceId>(world.random)});
  CHECK(status(alice.ask(modify_request(world, group, alice.person->id, wire::ADD, adds(many)))) ==
        ErrorCode::LIMIT_EXCEEDED);
  many.clear();
  for (int i = 0; i < 101; ++i) many.push_back({alice.person->id, random_id<DeviceId>(world.random)});
  CHECK(status(alice.ask(modify_request(world, group, alice.person->id, wire::ADD, adds(many)))) ==
        ErrorCode::LIMIT_EXCEEDED);
}

}  // namespace sotto::relay::test
