// What may be appended to a chat, and what a repeat answers.
#include <algorithm>

#include "support/catch.h"
#include "unit/relay/support/private_message.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

namespace {

struct Three {
  World world;
  Link& alice = world.newcomer("alice");
  Link& bob = world.newcomer("bob");
  Link& carol = world.newcomer("carol");
};

wire::Commit* commit_in(wire::Request& request) {
  if (request.has_create_chat()) return request.mutable_create_chat()->mutable_commit();
  if (request.has_update_chat()) return request.mutable_update_chat()->mutable_commit();
  return request.mutable_modify_chat_participants()->mutable_commit();
}

}  // namespace

// ---- createChat

TEST_CASE("a chat is founded; a repeat is answered alike, anything else EXISTS") {
  Three t;
  Group group;
  const auto request =
      create_request(t.world, group, {t.alice.device(), t.bob.device()}, {t.alice.person->id}, t.alice.device());
  const auto first = t.alice.ask(request);
  REQUIRE(success(first));
  CHECK(first.chat_created().seq() == 1);
  const auto again = t.alice.ask(request);
  CHECK(again.SerializeAsString() == first.SerializeAsString());

  CHECK(status(t.bob.ask(request)) == ErrorCode::EXISTS);
  Group other;
  other.id = group.id;
  const auto different =
      create_request(t.world, other, {t.alice.device(), t.bob.device()}, {t.alice.person->id}, t.alice.device());
  CHECK(status(t.alice.ask(different)) == ErrorCode::EXISTS);

  t.world.restart();
  auto& alice = t.world.online(*t.alice.person);
  CHECK(alice.ask(request).SerializeAsString() == first.SerializeAsString());
}

TEST_CASE("a direct chat has the id of its two users") {
  Three t;
  Group group;
  group.type = wire::DIRECT;
  group.id = wire::direct_chat_id(t.alice.person->id, t.bob.person->id);
  const std::vector<DeviceRef> devices{t.alice.device(), t.bob.device()};
  const std::set<UserId> admins{t.alice.person->id, t.bob.person->id};
  CHECK(success(t.alice.ask(create_request(t.world, group, devices, admins, t.alice.device()))));

  group.id = wire::random_group_id(t.world.random);
  CHECK(status(t.alice.ask(create_request(t.world, group, devices, admins, t.alice.device()))) ==
        ErrorCode::INVALID_ARGUMENT);
  const std::vector<DeviceRef> three{t.alice.device(), t.bob.device(), t.carol.device()};
  CHECK(status(t.alice.ask(create_request(t.world, group, three, admins, t.alice.device()))) ==
        ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("createChat is refused when its parts do not fit") {
  Three t;
  Group group;
  const auto a = t.alice.device();
  const auto b = t.bob.device();
  const std::set<UserId> admins{t.alice.person->id};
  auto request = create_request(t.world, group, {a, b}, admins, a);
  SECTION("an id of another size") {
    request.mutable_create_chat()->set_chat_id("short");
    CHECK(status(t.alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  }
  SECTION("participants that are not the roster's") {
    request.mutable_create_chat()->add_participants(to_string_bytes(t.carol.person->id));
    CHECK(status(t.alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  }
  SECTION("without the creator") { CHECK(status(t.carol.ask(request)) == ErrorCode::INVALID_ARGUMENT); }
  SECTION("a Welcome secret too few") {
    commit_in(request)->mutable_welcome()->clear_secrets();
    CHECK(status(t.alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  }
  SECTION("a Welcome secret for somebody else") {
    commit_in(request)->mutable_welcome()->add_secrets()->set_device_id(to_string_bytes(t.carol.device().device));
    CHECK(status(t.alice.ask(request)) == ErrorCode::INVALID_ARGUMENT);
  }
  SECTION("a digest of another roster") {
    auto aad = *wire::check_commit_aad(wire::view(commit_in(request)->founding_aad()));
    aad.roster_digest.bytes[0] ^= 1;
    commit_in(request)->set_founding_aad(wire::field(encode(aad)));
    CHECK(status(t.alice.ask(request)) == ErrorCode::ROSTER_MISMATCH);
  }
  SECTION("bytes that are no CommitAad") {
    commit_in(request)->set_founding_aad("garbage");
    CHECK(status(t.alice.ask(request)) == ErrorCode::MALFORMED);
  }
  SECTION("a user that nobody knows") {
    const auto stranger = t.world.person("stranger").device();
    CHECK(status(t.alice.ask(create_request(t.world, group, {a, stranger}, admins, a))) == ErrorCode::UNKNOWN_USER);
  }
  SECTION("a device that is not in its user's list") {
    const DeviceRef unlisted{b.user, random_id<DeviceId>(t.world.random)};
    CHECK(status(t.alice.ask(create_request(t.world, group, {a, unlisted}, admins, a))) ==
          ErrorCode::CERTIFICATE_REFUSED);
  }
  SECTION("a group without an admin") {
    CHECK(status(t.alice.ask(create_request(t.world, group, {a, b}, {}, a))) == ErrorCode::INVALID_ARGUMENT);
  }
  SECTION("more than 100 users") {
    std::vector<DeviceRef> many{a};
    for (int i = 0; i < 100; ++i)
      many.push_back({random_id<UserId>(t.world.random), random_id<DeviceId>(t.world.random)});
    CHECK(status(t.alice.ask(create_request(t.world, group, many, admins, a))) == ErrorCode::LIMIT_EXCEEDED);
  }
  SECTION("more than 10 devices of a user") {
    std::vector<DeviceRef> many{a};
    for (int i = 0; i < 11; ++i) many.push_back({b.user, random_id<DeviceId>(t.world.random)});
    CHECK(status(t.alice.ask(create_request(t.world, group, many, admins, a))) == ErrorCode::LIMIT_EXCEEDED);
  }
  SECTION("a commit above 192 KiB") {
    commit_in(request)->mutable_welcome()->set_shared(std::string(192 * 1024, 'x'));
    CHECK(status(t.alice.ask(request)) == ErrorCode::TOO_LARGE);
  }
  CHECK(status(t.alice.ask(get_chat_request(group.id))) == ErrorCode::UNKNOWN_CHAT);
}

// ---- sendMessage

TEST_CASE("messages are accepted in order, and told with the sender's number") {
  Three t;
  const auto group = make_group(t.world, t.alice, {t.bob.person});
  for (std::uint64_t n = 1; n <= 3; ++n) {
    const auto request = message_request(t.world, group, n);
    const auto answer = t.alice.ask(request);
    REQUIRE(success(answer));
    CHECK(answer.accepted().seq() == n + 1);
    CHECK(answer.accepted().last_n() == n);
    CHECK(answer.accepted().message_id().size() == 16);
  }
  CHECK(status(t.alice.ask(message_request(t.world, group, 5))) == ErrorCode::OUT_OF_ORDER);
  CHECK(success(t.bob.ask(message_request(t.world, group, 1))));
}

TEST_CASE("a message is refused, in this order, and nothing changes") {
  Three t;
  auto group = make_group(t.world, t.alice, {t.bob.person});
  REQUIRE(success(t.alice.ask(message_request(t.world, group, 1))));

  auto outsider = message_request(t.world, group, 1);
  outsider.mutable_send_message()->set_message("garbage");
  CHECK(status(t.carol.ask(outsider)) == ErrorCode::NOT_PARTICIPANT);

  auto garbage = message_request(t.world, group, 2);
  garbage.mutable_send_message()->set_message("garbage");
  CHECK_FALSE(success(t.alice.ask(garbage)));
  auto other_group = group;
  other_group.id = wire::random_group_id(t.world.random);
  auto moved = message_request(t.world, other_group, 2);
  moved.mutable_send_message()->set_chat_id(to_string_bytes(group.id));
  CHECK(status(t.alice.ask(moved)) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(t.alice.ask(message_request(t.world, other_group, 2))) == ErrorCode::UNKNOWN_CHAT);

  auto next = group;
  next.generation = 2;
  const auto stale = t.alice.ask(message_request(t.world, next, 2));
  CHECK(status(stale) == ErrorCode::STALE_GENERATION);
  CHECK(stale.generation() == 1);

  REQUIRE(success(t.alice.ask(update_request(t.world, group, {{}, {}, {}, true, 1}))));
  const auto epoch = t.alice.ask(message_request(t.world, group, 9));
  CHECK(status(epoch) == ErrorCode::STALE_EPOCH);
  CHECK(epoch.handshake_seq() == 3);
  group.handshake = 4;
  CHECK(status(t.alice.ask(message_request(t.world, group, 2))) == ErrorCode::STALE_EPOCH);
  group.handshake = 3;
  CHECK(status(t.alice.ask(message_request(t.world, group, 9))) == ErrorCode::OUT_OF_ORDER);
  CHECK(status(t.alice.ask(message_request(t.world, group, 2, std::string(96 * 1024, 'x')))) == ErrorCode::TOO_LARGE);
  CHECK(success(t.alice.ask(message_request(t.world, group, 2))));
}

TEST_CASE("a commit is no message and a message no commit") {
  Three t;
  const auto group = make_group(t.world, t.alice, {t.bob.person});
  auto message = message_request(t.world, group, 1);
  auto update = update_request(t.world, group);
  message.mutable_send_message()->set_message(update.update_chat().commit().message());
  update.mutable_update_chat()->mutable_commit()->set_message(
      message_request(t.world, group, 1).send_message().message());
  CHECK(status(t.alice.ask(message)) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(t.alice.ask(update)) == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("a repeat is answered with what was accepted, also after a restart and from far back in the log") {
  Three t;
  const auto group = make_group(t.world, t.alice, {t.bob.person});
  std::vector<wire::Request> requests;
  std::vector<wire::Response> answers;
  for (std::uint64_t n = 1; n <= 400; ++n) {
    requests.push_back(message_request(t.world, group, n));
    answers.push_back(t.alice.ask(requests.back()));
    REQUIRE(success(answers.back()));
  }
  for (const bool restart : {false, true}) {
    if (restart) t.world.restart();
    auto& alice = restart ? t.world.online(*t.alice.person) : t.alice;
    for (const std::size_t i : {0UL, 200UL, 399UL}) {
      const auto again = alice.ask(requests[i]);
      REQUIRE(success(again));
      CHECK(again.accepted().seq() == answers[i].accepted().seq());
      CHECK(again.accepted().message_id() == answers[i].accepted().message_id());
      CHECK(again.accepted().client_message_id() == answers[i].accepted().client_message_id());
      CHECK(again.accepted().last_n() == 400);
    }
    // Another row under a number that was used: its client learns whose it is.
    const auto other = alice.ask(message_request(t.world, group, 7));
    CHECK(other.accepted().client_message_id() == answers[6].accepted().client_message_id());
  }
}

TEST_CASE("a repeat of what the log no longer has is answered with the number alone") {
  Three t;
  const auto group = make_group(t.world, t.alice, {t.bob.person});
  const auto request = message_request(t.world, group, 1);
  REQUIRE(success(t.alice.ask(request)));
  t.alice.ack(group.id, 2);
  t.bob.ack(group.id, 2);
  const auto again = t.alice.ask(request);
  REQUIRE(success(again));
  CHECK(again.accepted().seq() == 0);
  CHECK(again.accepted().message_id().empty());
  CHECK(again.accepted().last_n() == 1);
}

TEST_CASE("32 messages in flight cost one run of the backend; what follows a refused one is refused") {
  Three t;
  const auto group = make_group(t.world, t.alice, {t.bob.person});
  const auto runs = t.world.backend->runs();
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = 1; n <= 32; ++n) numbers.push_back(t.alice.queue(message_request(t.world, group, n)));
  t.world.step();
  CHECK(t.world.backend->runs() - runs == 1);
  for (std::uint64_t n = 1; n <= 32; ++n) CHECK(t.alice.answer(numbers[n - 1]).accepted().seq() == n + 1);

  const auto refused = t.alice.queue(message_request(t.world, group, 40));
  const auto after = t.alice.queue(message_request(t.world, group, 41));
  const auto good = t.alice.queue(message_request(t.world, group, 33));
  t.world.step();
  CHECK(status(t.alice.answer(refused)) == ErrorCode::OUT_OF_ORDER);
  CHECK(status(t.alice.answer(after)) == ErrorCode::OUT_OF_ORDER);
  CHECK(success(t.alice.answer(good)));
}

TEST_CASE("ten senders' messages in one step are one run, in one order") {
  World world;
  std::vector<Link*> links;
  std::vector<const Person*> people;
  for (int i = 0; i < 10; ++i) {
    links.push_back(&world.newcomer("user" + std::to_string(i)));
    if (i > 0) people.push_back(links.back()->person);
  }
  const auto group = make_group(world, *links[0], people);
  const auto runs = world.backend->runs();
  for (auto* link : links) link->queue(message_request(world, group, 1));
  world.step();
  CHECK(world.backend->runs() - runs == 1);
  for (auto* link : links) {
    std::vector<std::uint64_t> expected;
    for (std::uint64_t seq = 1; seq <= 11; ++seq) expected.push_back(seq);
    CHECK(link->seqs(group.id) == expected);
  }
}

// ---- Rates

TEST_CASE("empty commits, roster changes and messages have their rates a user and chat") {
  CoreConfig config;
  config.messages = {5, 1};
  World world(1, config);
  auto& alice = world.newcomer("alice");
  auto group = make_group(world, alice, {});
  for (int i = 0; i < 3; ++i) {
    const auto answer = alice.ask(update_request(world, group));
    REQUIRE(success(answer));
    group.handshake = answer.accepted().seq();
  }
  const auto limited = alice.ask(update_request(world, group));
  CHECK(status(limited) == ErrorCode::RATE_LIMITED);
  CHECK(limited.retry_after_ms() > 50'000);
  CHECK(limited.retry_after_ms() <= 60'001);
  world.advance(limited.retry_after_ms());
  CHECK(success(alice.ask(update_request(world, group))));

  for (std::uint64_t n = 1; n <= 5; ++n) REQUIRE(success(alice.ask(message_request(world, group, n))));
  CHECK(status(alice.ask(message_request(world, group, 6))) == ErrorCode::RATE_LIMITED);
  world.advance(1000);
  CHECK(success(alice.ask(message_request(world, group, 6))));
}

TEST_CASE("getChat tells the roster to those on it") {
  Three t;
  const auto group = make_group(t.world, t.alice, {t.bob.person});
  const auto answer = t.bob.ask(get_chat_request(group.id));
  REQUIRE(success(answer));
  CHECK(answer.chat().head() == 1);
  CHECK(answer.chat().handshake_seq() == 1);
  CHECK(answer.chat().min_handshake() == 1);
  CHECK(answer.chat().roster_size() == 2);
  CHECK(status(t.carol.ask(get_chat_request(group.id))) == ErrorCode::NOT_PARTICIPANT);
}

}  // namespace sotto::relay::test
