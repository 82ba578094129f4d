// The connection to the relay: challenge, registration, authentication, answers, and when to try again.
#include "client/session.h"

#include "unit/client/line.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("Without an account nothing is connected to") {
  Line line;
  line.step(TimerDue{});
  CHECK(line.network == NetworkAction::none);
  CHECK_FALSE(line.timer.has_value());
  line.step(ConnectCommand{});
  CHECK(line.network == NetworkAction::none);
}

TEST_CASE("An account is made, stored, registered and authenticated") {
  Line line;
  line.step(line.registration("alice"));
  CHECK(line.network == NetworkAction::connect);
  CHECK(line.state() == ConnectionState::connecting);
  const auto made = line.account();
  REQUIRE(made.has_value());
  CHECK_FALSE(made->registered);

  line.step(Connected{});
  CHECK(line.sent.empty());  // the relay speaks first
  line.step(line.challenge());
  const auto& command = line.request().request().register_();
  CHECK(command.handle() == "alice");
  const auto list = must(wire::check_device_list(command.device_list()));
  CHECK(list.user == made->user);
  REQUIRE(list.devices.size() == 1);
  CHECK(list.devices[0].device == made->device);
  CHECK(crypto::verify(list.identity_key, wire::registration_statement(as_bytes(std::string(32, 'n')), "alice"),
                       wire::view(command.signature())));
  CHECK(line.registered.empty());

  line.step(line.answer(line.request_id(), [](auto& r) { r.mutable_registered(); }));
  REQUIRE(line.registered.size() == 1);
  CHECK(must(line.registered[0]) == made->user);
  auto authenticate = line.request().request().authenticate();
  CHECK(authenticate.kind() == wire::MAIN);
  CHECK(crypto::verify(made->device_key.public_key,
                       wire::authentication_statement(as_bytes(std::string(32, 'n')), authenticate),
                       wire::view(authenticate.signature())));
  line.accept_authentication();
  CHECK(line.state() == ConnectionState::catching_up);
  CHECK(line.account()->incarnation == to_bytes("relay"));
  line.step(line.heads());
  CHECK(line.state() == ConnectionState::online);

  SECTION("once: the same handle gives the same answer, another one none") {
    line.step(line.registration("alice"));
    CHECK(must(line.registered.at(1)) == made->user);
    line.step(line.registration("bob"));
    CHECK(line.registered.at(2).code() == ErrorCode::ALREADY_EXISTS);
    CHECK(line.network == NetworkAction::none);
  }
}

TEST_CASE("A session's number is durable before it is used, and never used again") {
  Line line;
  line.register_account();
  CHECK(line.request().request().authenticate().session() == 1);
  CHECK(line.account()->session == 1);  // on disk by the time the frame leaves
  SECTION("not after a lost connection") {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step_after(wire::limits::reconnect_most);
  }
  SECTION("not after a restart") {
    line.start();
    line.step(TimerDue{});
  }
  line.authenticate();
  CHECK(line.request().request().authenticate().session() == 2);
  CHECK(line.account()->session == 2);
}

TEST_CASE("Two registrations of one handle are one") {
  Line line;
  line.step(line.registration("alice"), line.registration("alice"), line.registration("bob"));
  REQUIRE(line.registered.size() == 1);
  CHECK(line.registered[0].code() == ErrorCode::ALREADY_EXISTS);
  line.step(Connected{});
  line.step(line.challenge());
  line.step(line.answer(line.request_id(), [](auto& r) { r.mutable_registered(); }));
  REQUIRE(line.registered.size() == 3);
  CHECK(must(line.registered[1]) == must(line.registered[2]));
}

TEST_CASE("A handle that is taken lets the app try another") {
  Line line;
  line.step(line.registration("alice"));
  line.step(Connected{});
  line.step(line.challenge());
  line.step(line.refusal(line.request_id(), ErrorCode::HANDLE_TAKEN));
  REQUIRE(line.registered.size() == 1);
  CHECK(line.registered[0].code() == ErrorCode::HANDLE_TAKEN);
  CHECK_FALSE(line.account().has_value());
  CHECK(line.network == NetworkAction::close);
  CHECK_FALSE(line.timer.has_value());  // nothing to connect for

  line.step(line.registration("alice2"));
  CHECK(line.network == NetworkAction::connect);
  CHECK(line.account()->handle == "alice2");
}

TEST_CASE("A relay that cannot register now is asked again, with the same identity") {
  Line line;
  line.step(line.registration("alice"));
  const auto user = line.account()->user;
  line.step(Connected{});
  line.step(line.challenge());
  line.step(line.refusal(line.request_id(), ErrorCode::UNAVAILABLE));
  CHECK(line.registered.empty());
  line.step_after(wire::limits::reconnect_most);
  CHECK(line.network == NetworkAction::connect);
  line.step(Connected{});
  line.step(line.challenge());
  CHECK(must(wire::check_device_list(line.request().request().register_().device_list())).user == user);
}

TEST_CASE("What a relay may not say drops the connection, and nothing else") {
  Line line;
  line.step(line.registration("alice"));
  line.step(Connected{});
  const auto dropped = [&] { return line.network == NetworkAction::close && line.state() == ConnectionState::offline; };
  SECTION("a push before authentication") {
    line.step(line.heads());
    CHECK(dropped());
    CHECK(line.problem() == ErrorCode::PROTOCOL_ERROR);
  }
  SECTION("a challenge of the wrong size") {
    line.step(line.challenge(31));
    CHECK(dropped());
  }
  SECTION("a second challenge") {
    line.step(line.challenge());
    line.step(line.challenge());
    CHECK(dropped());
  }
  SECTION("bytes that are no frame") {
    line.step(FrameReceived{to_bytes("\xFF\xFF\xFF garbage")});
    CHECK(dropped());
    CHECK(line.problem() == ErrorCode::MALFORMED);
  }
  SECTION("a frame above the limit") {
    line.step(FrameReceived{Bytes(wire::limits::frame_bytes + 1)});
    CHECK(dropped());
  }
  CHECK(line.sent.empty());
  line.step_after(wire::limits::reconnect_most);
  CHECK(line.network == NetworkAction::connect);
}

TEST_CASE("What a newer relay says is passed over") {
  Line line;
  line.go_online();
  line.step(FrameReceived{}, line.frame(wire::Envelope()), line.push([](auto&) {}));
  CHECK(line.network == NetworkAction::none);
  CHECK(line.state() == ConnectionState::online);
}

TEST_CASE("Answers to what was never asked, or was asked on an older connection, are passed over") {
  Line line;
  line.go_online();
  line.step(line.answer(0, [](auto& r) { r.mutable_registered(); }), line.refusal(1, ErrorCode::HANDLE_TAKEN),
            line.refusal(UINT64_MAX, ErrorCode::ROLLED_BACK));
  CHECK(line.network == NetworkAction::none);
  CHECK(line.state() == ConnectionState::online);
  CHECK(line.account()->registered);
}

TEST_CASE("Frames of a connection that was given up are not read") {
  Line line;
  line.go_online();
  line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)}, FrameReceived{to_bytes("garbage")}, line.heads());
  CHECK(line.state() != ConnectionState::online);
  CHECK(line.problem() == ErrorCode::UNAVAILABLE);
}

TEST_CASE("An old copy of a store is not used further") {
  Line line;
  line.register_account();
  line.step(line.refusal(line.request_id(), ErrorCode::ROLLED_BACK));
  CHECK(line.network == NetworkAction::close);
  CHECK(line.problem() == ErrorCode::ROLLED_BACK);
  CHECK(line.sent.empty());
  CHECK_FALSE(line.timer.has_value());
  // Not with the next session number either: at last the relay would believe it.
  line.step_after(std::chrono::hours(24));
  CHECK(line.network == NetworkAction::none);
  line.step(ConnectCommand{});
  CHECK(line.network == NetworkAction::none);
  line.start();
  line.step(TimerDue{});
  CHECK(line.network == NetworkAction::none);
}

TEST_CASE("A relay that goes away is come back to after a while, spread out") {
  Line line;
  line.go_online();
  line.step(line.push([](wire::Push& p) { p.mutable_going_away()->set_retry_after_ms(10'000); }));
  CHECK(line.network == NetworkAction::close);
  REQUIRE(line.timer.has_value());
  CHECK(*line.timer >= line.now + seconds(10));
  CHECK(*line.timer <= line.now + seconds(20));
  SECTION("but not after more than two hours, whatever it says") {
    line.step(ConnectCommand{});
    line.authenticate();
    line.accept_authentication();
    line.step(line.push([](wire::Push& p) { p.mutable_going_away()->set_retry_after_ms(UINT64_MAX); }));
    CHECK(line.network == NetworkAction::close);
    CHECK(*line.timer <= line.now + std::chrono::hours(2));
  }
}

TEST_CASE("Backoff is random up to a ceiling that doubles") {
  SeededRandom random(1);
  const milliseconds first{500};
  const milliseconds most{60'000};
  std::int64_t ceiling = 500;
  for (std::uint32_t failures = 0; failures < 12; ++failures) {
    std::int64_t lowest = INT64_MAX;
    std::int64_t highest = 0;
    for (int i = 0; i < 1000; ++i) {
      const auto wait = backoff(failures, first, most, random).count();
      lowest = std::min(lowest, wait);
      highest = std::max(highest, wait);
    }
    CHECK(highest <= ceiling);
    CHECK(highest > ceiling * 9 / 10);  // full jitter: all of it is used
    CHECK(lowest < ceiling / 10);
    ceiling = std::min<std::int64_t>(ceiling * 2, most.count());
  }
  CHECK(backoff(UINT32_MAX, first, most, random) <= most);
}

TEST_CASE("A lost connection is tried again by itself, later each time") {
  Line line;
  line.go_online();
  for (int i = 0; i < 20; ++i) {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    if (line.network == NetworkAction::connect) continue;  // The jitter said: now.
    REQUIRE(line.timer.has_value());
    const auto wait = *line.timer - line.now;
    const auto ceiling = std::min<std::int64_t>(500 * (std::int64_t{1} << std::min(i + 1, 20)), 60'000);
    CHECK(wait.count() <= ceiling);
    if (wait > milliseconds(1)) {
      line.step_after(wait - milliseconds(1));
      CHECK(line.network == NetworkAction::none);
    }
    line.now = noon + std::chrono::hours(i + 1);
    line.step(TimerDue{});
    REQUIRE(line.network == NetworkAction::connect);
  }
  SECTION("a hint that the network changed skips the wait") {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    if (line.network == NetworkAction::none) line.step(ConnectCommand{});
    CHECK(line.network == NetworkAction::connect);
  }
  SECTION("a hint while it is connected asks whether the relay is still there") {
    if (line.network != NetworkAction::connect) line.step(ConnectCommand{});
    line.authenticate();
    line.accept_authentication();
    line.step(line.heads());
    line.step(ConnectCommand{});
    CHECK(line.network == NetworkAction::none);
    const auto asked = line.request_id();
    REQUIRE(line.timer == line.now + std::chrono::seconds(5));
    SECTION("it is") {
      line.step(line.answer(asked, [](wire::Response& r) { r.mutable_device_list(); }));
      line.step_after(std::chrono::seconds(6));
      CHECK(line.network == NetworkAction::none);
    }
    SECTION("it is not") {
      line.step_after(std::chrono::seconds(5));
      CHECK(line.network == NetworkAction::close);
      line.step(TimerDue{});
      CHECK(line.network == NetworkAction::connect);
    }
  }
  SECTION("a clock that is set back does not keep it offline") {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.now -= std::chrono::hours(24 * 365);
    line.step(TimerDue{});
    line.step_after(wire::limits::reconnect_most);
    CHECK((line.network == NetworkAction::connect || line.state() == ConnectionState::connecting));
  }
}

TEST_CASE("Offline by the app's wish means offline") {
  Line line;
  line.go_online();
  line.step(DisconnectCommand{});
  CHECK(line.network == NetworkAction::close);
  CHECK(line.state() == ConnectionState::offline);
  CHECK_FALSE(line.timer.has_value());
  line.step_after(std::chrono::hours(1));
  CHECK(line.network == NetworkAction::none);
  line.step(ConnectCommand{});
  CHECK(line.network == NetworkAction::connect);
  SECTION("also from the start") {
    line.start(false);
    line.step(TimerDue{});
    CHECK(line.network == NetworkAction::none);
    CHECK_FALSE(line.timer.has_value());
    line.step(ConnectCommand{});
    CHECK(line.network == NetworkAction::connect);
  }
}

TEST_CASE("A connection that does not come, or does not answer, is given up") {
  Line line;
  SECTION("connecting") { line.step(line.registration("alice")); }
  SECTION("waiting for the challenge") {
    line.step(line.registration("alice"));
    line.step(Connected{});
  }
  SECTION("registering") {
    line.step(line.registration("alice"));
    line.step(Connected{});
    line.step(line.challenge());
  }
  SECTION("authenticating") { line.register_account(); }
  SECTION("asking for a user") {
    line.go_online();
    line.step(line.search("bob"));
    REQUIRE(line.sent.size() == 1);
  }
  REQUIRE(line.timer.has_value());
  const auto limit = *line.timer - line.now;
  CHECK(limit >= seconds(30));
  CHECK(limit <= seconds(60));
  line.step_after(limit - milliseconds(1));
  CHECK(line.network == NetworkAction::none);
  line.step_after(milliseconds(1));
  line.step_after(seconds(30));
  CHECK(line.problem() == ErrorCode::TIMED_OUT);
}

TEST_CASE("The relay's stock of key packages is filled when it is low") {
  Line line;
  line.register_account();
  SECTION("at authentication") {
    line.accept_authentication(wire::limits::key_packages_low);
    const auto& command = line.request().request().publish_key_packages();
    CHECK(command.key_packages_size() == 80);
    CHECK_FALSE(command.last_resort().empty());
    line.step(line.refusal(line.request_id(), ErrorCode::UNAVAILABLE));
    CHECK(line.network == NetworkAction::none);
  }
  SECTION("not while it is not, but for the first last resort") {
    line.accept_authentication(wire::limits::key_packages_low + 1);
    CHECK(line.request().request().publish_key_packages().key_packages_size() == 79);
    line.answer_publishing();
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    if (line.network == NetworkAction::none) line.step(ConnectCommand{});
    line.authenticate();
    line.accept_authentication(wire::limits::key_packages_low + 1);
    CHECK(line.sent.empty());
  }
  SECTION("when the relay says so, once at a time") {
    line.accept_authentication(100);
    CHECK(line.request().request().publish_key_packages().key_packages_size() == 0);
    const auto first = line.request_id();
    line.step(line.push([](wire::Push& p) { p.mutable_key_packages_low()->set_remaining(19); }));
    CHECK(line.sent.empty());
    line.step(line.answer(first, [](wire::Response& r) { r.mutable_key_packages_published(); }));
    line.step(line.push([](wire::Push& p) { p.mutable_key_packages_low()->set_remaining(19); }));
    CHECK(line.request().request().publish_key_packages().key_packages_size() == 81);
  }
}

TEST_CASE("Key packages that were refused for now are published again on the same connection, ever later") {
  Line line;
  line.register_account();
  line.accept_authentication(0);
  const auto next = [&] {
    REQUIRE(line.timer.has_value());
    const auto wait = std::chrono::duration_cast<milliseconds>(*line.timer - line.now);
    line.step_after(wait);
    return wait;
  };
  SECTION("with a back-off that has an end") {
    line.answer_to_publishing(ErrorCode::UNAVAILABLE);
    CHECK(line.sent.empty());
    milliseconds longest{0};
    for (int i = 0; i < 60; ++i) {
      const auto wait = next();
      CHECK(wait <= seconds(600));
      longest = std::max(longest, wait);
      CHECK(line.request().request().publish_key_packages().key_packages_size() == 100);
      line.answer_to_publishing(ErrorCode::UNAVAILABLE);
    }
    CHECK(longest > seconds(200));
    next();
    line.answer_publishing();
    if (line.timer) line.step_after(seconds(7200));
    CHECK(line.sent.empty());  // Once is enough.
  }
  SECTION("not sooner than the relay says, even if it runs low meanwhile") {
    wire::Envelope refusal;
    refusal.set_id(line.request_id());
    Error why(ErrorCode::RATE_LIMITED);
    why.retry_after = seconds(100);
    *refusal.mutable_response() = wire::refusal(why);
    line.step(line.frame(refusal));
    line.step(line.push([](wire::Push& p) { p.mutable_key_packages_low()->set_remaining(0); }));
    CHECK(line.sent.empty());
    line.step_after(seconds(99));
    CHECK(line.sent.empty());
    line.now -= std::chrono::hours(1);  // A clock that is set back makes it no later.
    line.step(TimerDue{});
    CHECK(line.sent.empty());
    line.step_after(seconds(1));
    CHECK(line.request().request().has_publish_key_packages());
  }
  SECTION("not if they were refused for good") {
    line.answer_to_publishing(ErrorCode::INVALID_ARGUMENT);
    line.step_after(std::chrono::hours(2));
    for (const auto& sent : line.sent) CHECK_FALSE(sent.request().has_publish_key_packages());
  }
  SECTION("but on a new connection only as that one tells") {
    line.answer_to_publishing(ErrorCode::UNAVAILABLE);
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step(ConnectCommand{});
    line.authenticate();
    line.step_after(seconds(29));
    CHECK(line.sent.empty());
  }
}

TEST_CASE("A clock that is set back makes nobody wait longer") {
  Line line;
  line.go_online();
  line.step(line.search("bob"));
  line.now -= std::chrono::hours(5);
  line.step(TimerDue{});
  REQUIRE(line.timer.has_value());
  CHECK(*line.timer <= line.now + std::chrono::seconds(30));
  line.step_after(std::chrono::seconds(30));
  REQUIRE(line.found.size() == 1);
  CHECK(line.found[0].code() == ErrorCode::UNAVAILABLE);
}

TEST_CASE("A user is found by handle, and pinned") {
  Line line;
  line.go_online();
  test::People people(5);
  const auto bob = account_of(people.member());
  const auto found = [&](const wire::SignedDeviceList& list, const UserId& user) {
    return line.answer(line.request_id(), [&](wire::Response& r) {
      *r.mutable_user_found()->mutable_device_list() = list;
      r.mutable_user_found()->set_user_id(to_string_bytes(user));
    });
  };
  line.step(line.search("bob"));
  CHECK(line.request().request().find_user().handle() == "bob");
  SECTION("as it is") {
    line.step(found(bob.device_list, bob.user));
    CHECK(must(line.found.at(0)) == bob.user);
    CHECK(must(UserTable(*line.db).handle(bob.user)) == "bob");
  }
  SECTION("not if the relay names another user than the list does") {
    line.step(found(bob.device_list, id_of<UserId>(1)));
    CHECK(line.found.at(0).code() == ErrorCode::CERTIFICATE_REFUSED);
  }
  SECTION("not if the list is not signed") {
    auto list = bob.device_list;
    list.mutable_signature()->back() ^= 1;
    line.step(found(list, bob.user));
    CHECK(line.found.at(0).code() == ErrorCode::BAD_SIGNATURE);
  }
  SECTION("not if there is none") {
    line.step(line.refusal(line.request_id(), ErrorCode::UNKNOWN_USER));
    CHECK(line.found.at(0).code() == ErrorCode::UNKNOWN_USER);
  }
  SECTION("also on the next connection") {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    if (line.network == NetworkAction::none) line.step(ConnectCommand{});
    line.authenticate();
    line.accept_authentication();
    REQUIRE(line.request().request().has_find_user());
    line.step(found(bob.device_list, bob.user));
    CHECK(must(line.found.at(0)) == bob.user);
  }
  SECTION("or not within 30 s") {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step_after(seconds(30));
    CHECK(line.found.at(0).code() == ErrorCode::UNAVAILABLE);
  }
  CHECK(line.found.size() == 1);
}

TEST_CASE("At its end, what waits is told so, once") {
  Line line;
  line.step(line.registration("alice"), line.registration("alice"), line.search("bob"));
  std::vector<Input> never;
  never.emplace_back(line.search("carol"));
  never.emplace_back(line.registration("alice"));
  line.take(line.engine->close(never));
  REQUIRE(line.registered.size() == 3);
  REQUIRE(line.found.size() == 2);
  for (const auto& result : line.registered) CHECK(result.code() == ErrorCode::CLOSED);
  for (const auto& result : line.found) CHECK(result.code() == ErrorCode::CLOSED);
}

TEST_CASE("A step that cannot be stored says nothing of what it would have done") {
  Line line;
  // The disk fails when the step ends, after everything in it went well.
  const auto fail_at_the_end = [&] {
    must(line.db->run("CREATE TABLE full(id INTEGER PRIMARY KEY REFERENCES none(id) DEFERRABLE INITIALLY DEFERRED)"));
    must(line.db->run("CREATE TABLE none(id INTEGER PRIMARY KEY)"));
    must(line.db->run("CREATE TRIGGER fail AFTER UPDATE ON account BEGIN INSERT INTO full VALUES(NULL); END"));
    must(line.db->run("CREATE TRIGGER fail_new AFTER INSERT ON account BEGIN INSERT INTO full VALUES(NULL); END"));
  };
  const auto repair = [&] {
    must(line.db->run("DROP TRIGGER fail"));
    must(line.db->run("DROP TRIGGER fail_new"));
  };
  SECTION("a registration that was just asked for") {
    fail_at_the_end();
    line.step(line.registration("alice"), line.search("bob"));
    CHECK_FALSE(line.account().has_value());
    REQUIRE(line.registered.size() == 1);
    CHECK_FALSE(line.registered[0].ok());
    REQUIRE(line.found.size() == 1);
    CHECK_FALSE(line.found[0].ok());
    CHECK(line.network != NetworkAction::connect);
    repair();
    line.take(line.engine->close());
    CHECK(line.registered.size() == 1);  // completed once
    CHECK(line.found.size() == 1);
  }
  SECTION("a registration that the relay has just confirmed") {
    line.step(line.registration("alice"));
    line.step(Connected{});
    line.step(line.challenge());
    fail_at_the_end();
    line.step(line.answer(line.request_id(), [](auto& r) { r.mutable_registered(); }));
    CHECK(line.registered.empty());  // It is not on disk.
    CHECK_FALSE(line.account()->registered);
    CHECK(line.sent.empty());
    CHECK(line.state() == ConnectionState::offline);
    repair();
    line.step_after(wire::limits::reconnect_most);
    line.step(Connected{});
    line.step(line.challenge());
    line.step(line.answer(line.request_id(), [](auto& r) { r.mutable_registered(); }));
    REQUIRE(line.registered.size() == 1);
    CHECK(line.registered[0].ok());
    CHECK(line.request().request().authenticate().session() == 1);
  }
}
