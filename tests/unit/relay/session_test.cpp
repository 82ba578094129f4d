// Who may speak: challenge, registration, authentication, sessions that replace each other, old copies.
#include "crypto/sign.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

TEST_CASE("a new user registers, authenticates, and learns that nothing is owed") {
  World world;
  auto& alice = world.person("alice");
  auto& link = world.connect(alice);
  const auto registered = link.ask(register_request(link, "alice", alice.next_list()));
  REQUIRE(success(registered));
  CHECK(registered.registered().user_id() == to_string_bytes(alice.id));

  const auto authenticated = link.authenticate();
  REQUIRE(success(authenticated));
  CHECK(wire::view(authenticated.authenticated().incarnation()).size() == world.backend->incarnation().size());
  CHECK(authenticated.authenticated().device_list_version() == 1);
  CHECK(authenticated.authenticated().key_packages() == 0);
  REQUIRE(link.heads());
  CHECK(link.heads()->empty());
}

TEST_CASE("a registration that is repeated is answered as the first time") {
  World world;
  auto& alice = world.person("alice");
  const auto list = alice.next_list();
  auto& first = world.connect(alice);
  REQUIRE(success(first.ask(register_request(first, "alice", list))));
  auto& second = world.connect(alice);
  const auto again = second.ask(register_request(second, "alice", list));
  REQUIRE(success(again));
  CHECK(again.registered().user_id() == to_string_bytes(alice.id));
}

TEST_CASE("a registration is refused for a taken handle, a bad handle, a wrong signature and another's nonce") {
  World world;
  world.newcomer("alice");
  auto& mallory = world.person("mallory");
  const auto list = mallory.next_list();
  auto& link = world.connect(mallory);
  CHECK(status(link.ask(register_request(link, "alice", list))) == ErrorCode::HANDLE_TAKEN);
  CHECK(status(link.ask(register_request(link, "", list))) == ErrorCode::INVALID_ARGUMENT);
  auto request = register_request(link, "mallory", list);
  request.mutable_register_()->mutable_signature()->front() ^= 1;
  CHECK(status(link.ask(request)) == ErrorCode::BAD_SIGNATURE);
  auto& other = world.connect(mallory);
  CHECK(status(other.ask(register_request(link, "mallory", list))) == ErrorCode::BAD_SIGNATURE);
}

TEST_CASE("what needs an authenticated device is refused before") {
  World world;
  auto& link = world.connect(world.person("alice"));
  CHECK(status(link.ask(get_chat_request(wire::random_group_id(world.random)))) == ErrorCode::UNAUTHENTICATED);
  CHECK(status(link.ask(wire::Request{})) == ErrorCode::UNKNOWN_COMMAND);
}

TEST_CASE("authentication is refused for strangers, unlisted devices and wrong keys") {
  World world;
  auto& stranger = world.connect(world.person("stranger"));
  CHECK(status(stranger.authenticate()) == ErrorCode::UNKNOWN_USER);

  world.newcomer("alice");
  auto& alice = world.person("alice");
  alice.phones.push_back({random_id<DeviceId>(world.random), crypto::generate_signature_key(world.random), 1, 0, 0});
  auto& unlisted = world.connect(alice, 1);
  CHECK(status(unlisted.authenticate()) == ErrorCode::FORBIDDEN);

  alice.phones[0].key = crypto::generate_signature_key(world.random);
  auto& wrong = world.connect(alice);
  CHECK(status(wrong.authenticate()) == ErrorCode::BAD_SIGNATURE);
}

TEST_CASE("a session or ack number below the stored one means ROLLED_BACK, also after a restart") {
  World world;
  auto& link = world.newcomer("alice");
  auto& phone = world.person("alice").phones[0];
  const auto group = make_group(world, link, {});
  link.ack(group.id, 1);
  REQUIRE(phone.session == 1);
  REQUIRE(phone.ack_no == 1);

  for (const bool restart : {false, true}) {
    if (restart) world.restart();
    auto& same_session = world.connect(world.person("alice"));
    phone.session = 0;
    CHECK(status(same_session.authenticate()) == ErrorCode::ROLLED_BACK);
    auto& lower_ack = world.connect(world.person("alice"));
    phone.ack_no = 0;
    phone.session = 50;
    CHECK(status(lower_ack.authenticate()) == ErrorCode::ROLLED_BACK);
    phone.ack_no = 1;
  }
  CHECK_FALSE(link.closed);
  phone.session = 1;
  CHECK(success(world.connect(world.person("alice")).authenticate()));
}

TEST_CASE("a device that takes the next era counts its sessions anew") {
  World world;
  auto& link = world.newcomer("alice");
  auto& alice = world.person("alice");
  auto& phone = alice.phones[0];
  phone.key = crypto::generate_signature_key(world.random);
  phone.era = 2;
  wire::Request request;
  *request.mutable_put_device_list()->mutable_device_list() = alice.next_list();
  REQUIRE(success(link.ask(request)));
  REQUIRE(link.closed);
  CHECK(link.closed->code == close_code::revoked);
  phone.session = 0;
  CHECK(success(world.connect(alice).authenticate()));
}

TEST_CASE("a newer session replaces the older one, of which nothing is accepted any more") {
  World world;
  auto& older = world.newcomer("alice");
  auto group = make_group(world, older, {});
  auto& newer = world.connect(world.person("alice"));

  // All in one step: what the older sends before is accepted, what it sends after is not.
  const auto before = older.queue(message_request(world, group, 1));
  REQUIRE(success(newer.authenticate()));
  CHECK(success(older.answer(before)));
  REQUIRE(older.closed);
  CHECK(older.closed->code == close_code::replaced);

  older.queue(message_request(world, group, 2));
  world.step();
  CHECK(newer.ask(get_chat_request(group.id)).chat().head() == 2);
  REQUIRE(newer.heads());
  CHECK(newer.heads()->at(group.id).head() == 2);
}

TEST_CASE("requests of the older session behind the newer one's authentication are not carried out") {
  World world;
  auto& older = world.newcomer("alice");
  auto group = make_group(world, older, {});
  auto& alice = world.person("alice");
  auto& newer = world.connect(alice);
  wire::Request request;
  auto& authenticate = *request.mutable_authenticate();
  authenticate.set_user_id(to_string_bytes(alice.id));
  authenticate.set_device_id(to_string_bytes(alice.phones[0].id));
  authenticate.set_session(++alice.phones[0].session);
  const auto statement = wire::authentication_statement(newer.nonce, authenticate);
  authenticate.set_signature(wire::field(crypto::sign(alice.phones[0].key.private_key, statement).view()));
  const auto number = newer.queue(request);
  older.queue(message_request(world, group, 1));
  world.step();
  REQUIRE(success(newer.answer(number)));
  CHECK(newer.ask(get_chat_request(group.id)).chat().head() == 1);
}

TEST_CASE("an authentication whose session cannot be stored changes nothing") {
  World world;
  auto& older = world.newcomer("alice");
  auto group = make_group(world, older, {});
  auto& newer = world.connect(world.person("alice"));
  world.backend->fail_next_run();
  CHECK(status(newer.authenticate()) == ErrorCode::UNAVAILABLE);
  CHECK_FALSE(older.closed);
  CHECK(success(older.ask(message_request(world, group, 1))));
  CHECK(success(newer.authenticate()));
  CHECK(older.closed);
}

TEST_CASE("a peek connection reads, replaces nothing and changes nothing") {
  World world;
  auto& main = world.newcomer("alice");
  auto group = make_group(world, main, {});
  REQUIRE(success(main.ask(message_request(world, group, 1))));
  auto& peek = world.connect(world.person("alice"));
  REQUIRE(success(peek.authenticate(wire::PEEK)));
  CHECK_FALSE(main.closed);
  CHECK(peek.seqs(group.id) == std::vector<std::uint64_t>{1, 2});
  CHECK(success(peek.ask(get_chat_request(group.id))));
  CHECK(status(peek.ask(message_request(world, group, 2))) == ErrorCode::FORBIDDEN);
  wire::Request ack;
  auto& cursor = *ack.mutable_ack()->add_cursors();
  cursor.set_chat_id(to_string_bytes(group.id));
  cursor.set_seq(2);
  CHECK(status(peek.ask(ack)) == ErrorCode::FORBIDDEN);
}

TEST_CASE("a media connection is for attachments only") {
  World world;
  world.newcomer("alice");
  auto& media = world.connect(world.person("alice"));
  REQUIRE(success(media.authenticate(wire::MEDIA)));
  CHECK(media.pushes.empty());
  CHECK(status(media.ask(get_chat_request(wire::random_group_id(world.random)))) == ErrorCode::FORBIDDEN);
}

TEST_CASE("a connection that does not authenticate in time is closed") {
  World world;
  auto& link = world.connect(world.person("alice"));
  world.advance(29'999);
  CHECK_FALSE(link.closed);
  world.advance(1);
  REQUIRE(link.closed);
  CHECK(link.closed->code == close_code::not_authenticated);
}

TEST_CASE("malformed frames close their connection and harm no other") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  SECTION("bytes that are no frame") {
    world.input(Received{bob.id, Bytes(10, 0xFF)});
    world.step();
    REQUIRE(bob.closed);
    CHECK(bob.closed->code == close_code::protocol_error);
  }
  SECTION("an envelope with an answer") {
    wire::Envelope envelope;
    envelope.mutable_response();
    world.input(Received{bob.id, wire::encode(envelope)});
    world.step();
    REQUIRE(bob.closed);
    CHECK(bob.closed->code == close_code::protocol_error);
  }
  SECTION("too large a frame") {
    world.input(Received{bob.id, Bytes(256 * 1024 + 1, 0)});
    world.step();
    REQUIRE(bob.closed);
    CHECK(bob.closed->code == close_code::too_big);
  }
  SECTION("more requests than may wait, since the answers are not read") {
    world.network_is_slow = true;
    wire::Request request;
    request.mutable_get_device_list()->set_user_id(to_string_bytes(bob.person->id));
    for (int i = 0; i < 4000; ++i) bob.queue(request);
    world.step();
    REQUIRE(bob.closed);
    CHECK(bob.closed->code == close_code::policy_violation);
    CHECK(bob.bytes < 600 * 1024);
    world.network_is_slow = false;
  }
  CHECK(status(alice.ask(get_chat_request(wire::random_group_id(world.random)))) == ErrorCode::UNKNOWN_CHAT);
}

}  // namespace sotto::relay::test
