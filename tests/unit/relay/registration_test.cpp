// Who may make an account: invitations, and codes that are sent to phone numbers.
#include "relay/record_keys.h"
#include "relay/registration_records.h"
#include "support/catch.h"
#include "unit/relay/support/registrations.h"

namespace sotto::relay::test {

namespace {

constexpr std::uint64_t minute = 60'000;
constexpr std::uint64_t day = 24 * 60 * minute;

const std::string number = "+4930123456";

CoreConfig mode(RegistrationMode registration) {
  CoreConfig config;
  config.registration = registration;
  return config;
}

/// As another process does it.
void put_invite(World& world, const std::string& text, std::uint32_t uses, std::uint64_t lifetime_ms = day) {
  MemoryBackend other(world.disk);
  const InviteRecord invite{uses, world.now_ms + lifetime_ms, world.now_ms, {}};
  other.put(keys::invite(invite_hash(text)), invite.encode(), std::nullopt,
            [](const Result<std::uint64_t>& done) { REQUIRE(done.ok()); });
  other.run();
}

InviteRecord invite_of(World& world, const std::string& text) {
  InviteRecord out;
  MemoryBackend other(world.disk);
  other.get(keys::invite(invite_hash(text)), [&](const Result<Record>& record) {
    REQUIRE(record.ok());
    const auto invite = InviteRecord::decode(record->value);
    REQUIRE(invite.ok());
    out = *invite;
  });
  other.run();
  return out;
}

/// With a disk that takes its time: at most so many, as long as one is under way.
void end_runs(World& world, int most) {
  for (; most > 0 && world.backend->waits_to_be_carried_out(); --most) world.end_run();
}

ErrorCode with_invite(World& world, const std::string& handle, const std::string& invite) {
  return status(Applicant(world, world.person(handle)).invite(invite).register_as(handle));
}

}  // namespace

// ---- Codes

TEST_CASE("a code is sent to a phone number, and registers it") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  const auto sent = alice.link().ask(request_code(number));
  REQUIRE(success(sent));
  CHECK(sent.code_sent().lifetime_ms() == 10 * minute);
  CHECK(sent.code_sent().digits() == 6);
  REQUIRE(world.codes.size() == 1);
  CHECK(world.codes[0].handle == number);
  CHECK(world.codes[0].code.size() == 6);
  CHECK(world.codes[0].lifetime_ms == 10 * minute);
  REQUIRE(success(alice.code(world.codes[0].code).register_as(number)));
  CHECK(success(alice.link().authenticate()));
}

TEST_CASE("where codes are wanted, nobody registers without, and only phone numbers do") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  CHECK(status(alice.register_as(number)) == ErrorCode::CODE_REQUIRED);
  CHECK(status(alice.code("123456").register_as(number)) == ErrorCode::WRONG_CODE);
  CHECK(status(alice.register_as("alice")) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(alice.link().ask(request_code("alice"))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(alice.link().ask(request_code("+49 30 123456"))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(status(alice.link().ask(request_code("+99930123456"))) == ErrorCode::INVALID_ARGUMENT);
  CHECK(records(world, 'h') == 0);
}

TEST_CASE("elsewhere there are no codes") {
  World world;
  CHECK(status(world.connect(world.person("alice")).ask(request_code(number))) == ErrorCode::UNSUPPORTED);
  CHECK(world.codes.empty());
}

TEST_CASE("a code is asked for before there is an account, not after") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  REQUIRE(success(alice.prove(number)));
  REQUIRE(success(alice.link().authenticate()));
  CHECK(status(alice.link().ask(request_code("+4930123457"))) == ErrorCode::FORBIDDEN);
}

TEST_CASE("a registration that is repeated needs its code no more, also after a restart and when it expired") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  REQUIRE(success(alice.prove(number)));
  CHECK(success(alice.register_as(number)));
  world.restart();
  world.now_ms += day;
  alice.reconnect();
  CHECK(success(alice.code("").register_as(number)));
}

TEST_CASE("a code is good for ten minutes, for one number and for one identity") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  Applicant mallory(world, world.person("mallory"));
  REQUIRE(success(alice.link().ask(request_code(number))));
  const auto code = world.codes[0].code;
  CHECK(status(mallory.code(code).register_as("+4930123457")) == ErrorCode::WRONG_CODE);
  SECTION("in time") {
    world.advance(10 * minute - 1);
    alice.reconnect();
    CHECK(success(alice.code(code).register_as(number)));
    mallory.reconnect();
    // It is used, and now the number is alice's.
    CHECK(status(mallory.code(code).register_as(number)) == ErrorCode::WRONG_CODE);
  }
  SECTION("too late") {
    world.advance(10 * minute);
    alice.reconnect();
    CHECK(status(alice.code(code).register_as(number)) == ErrorCode::WRONG_CODE);
  }
}

TEST_CASE("five wrong tries end a code, also over a restart; the next code has five of its own") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  REQUIRE(success(alice.link().ask(request_code(number))));
  const auto first = world.codes[0].code;
  const auto wrong = first == "000000" ? "000001" : "000000";
  for (int tries = 0; tries < 4; ++tries) {
    CHECK(status(alice.code(wrong).register_as(number)) == ErrorCode::WRONG_CODE);
    if (tries == 2) {
      world.restart();
      alice.reconnect();
    }
  }
  SECTION("the fifth try may be right") { CHECK(success(alice.code(first).register_as(number))); }
  SECTION("the fifth is wrong") {
    CHECK(status(alice.code(wrong).register_as(number)) == ErrorCode::WRONG_CODE);
    CHECK(status(alice.code(first).register_as(number)) == ErrorCode::WRONG_CODE);
    world.advance(minute);
    alice.reconnect();
    REQUIRE(success(alice.link().ask(request_code(number))));
    CHECK(success(alice.code(world.codes[1].code).register_as(number)));
  }
}

TEST_CASE("codes to a number are a minute apart and five a day, also over a restart") {
  World world(1, mode(RegistrationMode::code));
  auto& alice = world.person("alice");
  for (int sent = 0; sent < 5; ++sent) {
    auto& link = world.connect(alice);
    REQUIRE(success(link.ask(request_code(number))));
    const auto soon = link.ask(request_code(number));
    CHECK(status(soon) == ErrorCode::RATE_LIMITED);
    if (sent < 4) CHECK(soon.retry_after_ms() == minute);
    if (sent == 2) world.restart();
    world.advance(minute);
  }
  auto& link = world.connect(alice);
  const auto refused = link.ask(request_code(number));
  CHECK(status(refused) == ErrorCode::RATE_LIMITED);
  CHECK(refused.retry_after_ms() == day - 5 * minute);
  CHECK(world.codes.size() == 5);
  world.advance(refused.retry_after_ms());
  CHECK(success(world.connect(alice).ask(request_code(number))));
}

TEST_CASE("codes are limited by address, and for the whole relay") {
  auto config = mode(RegistrationMode::code);
  config.codes_address = {2, 0.001};
  config.codes_relay = {3, 0.001};
  World world(1, config);
  auto& person = world.person("somebody");
  const auto ask = [&](const std::string& handle, const std::string& address) {
    return status(world.connect(person, 0, address).ask(request_code(handle)));
  };
  CHECK(ask("+4930000001", "192.0.2.1") == ErrorCode{});
  CHECK(ask("+4930000002", "192.0.2.1") == ErrorCode{});
  CHECK(ask("+4930000003", "192.0.2.1") == ErrorCode::RATE_LIMITED);
  CHECK(ask("+4930000003", "192.0.2.2") == ErrorCode{});
  CHECK(ask("+4930000004", "192.0.2.2") == ErrorCode::RATE_LIMITED);
  CHECK(world.codes.size() == 3);
}

TEST_CASE("a code leaves only when it is on disk, and the disk has its hash alone") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  world.backend->fail_next_run();
  CHECK(status(alice.link().ask(request_code(number))) == ErrorCode::UNAVAILABLE);
  CHECK(world.codes.empty());
  REQUIRE(success(alice.link().ask(request_code(number))));
  world.backend->get(keys::code(number), [&](const Result<Record>& record) {
    REQUIRE(record.ok());
    CHECK(to_string(record->value).find(world.codes[0].code) == std::string::npos);
  });
  world.backend->run();
}

TEST_CASE("a registration by code that cannot be stored leaves the code good") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  REQUIRE(success(alice.link().ask(request_code(number))));
  world.backend->fail_next_run();
  CHECK(status(alice.code(world.codes[0].code).register_as(number)) == ErrorCode::UNAVAILABLE);
  CHECK(success(alice.register_as(number)));
}

TEST_CASE("what was remembered of codes goes when it matters no more") {
  World world(1, mode(RegistrationMode::code));
  Applicant alice(world, world.person("alice"));
  REQUIRE(success(alice.prove(number)));
  world.advance(day - minute);
  world.advance(minute);
  CHECK(records(world, 'C') == 1);
  world.advance(60 * minute);
  CHECK(records(world, 'C') == 0);
  CHECK(records(world, 'h') == 1);
}

// ---- Invitations

TEST_CASE("an invitation registers as many as it has uses") {
  World world(1, mode(RegistrationMode::invite));
  CHECK(with_invite(world, "alice", "") == ErrorCode::INVITE_REQUIRED);
  CHECK(with_invite(world, "alice", "welcome") == ErrorCode::INVITE_REQUIRED);
  // Made while the relay runs, and just after somebody asked in vain.
  put_invite(world, "welcome", 2);
  CHECK(with_invite(world, "alice", "welcome") == ErrorCode{});
  CHECK(with_invite(world, "bob", "welcome") == ErrorCode{});
  CHECK(with_invite(world, "carol", "welcome") == ErrorCode::INVITE_REQUIRED);
  CHECK(invite_of(world, "welcome").used_by == std::vector{world.person("alice").id, world.person("bob").id});
}

TEST_CASE("a use is taken once, however often the registration is repeated") {
  World world(1, mode(RegistrationMode::invite));
  put_invite(world, "welcome", 2);
  for (int tries = 0; tries < 3; ++tries) {
    CHECK(with_invite(world, "alice", "welcome") == ErrorCode{});
    if (tries == 1) world.restart();
  }
  CHECK(with_invite(world, "alice", "") == ErrorCode{});
  CHECK(invite_of(world, "welcome").used_by.size() == 1);
}

TEST_CASE("the last use goes to one of two who ask in the same step") {
  World world(1, mode(RegistrationMode::invite));
  put_invite(world, "welcome", 1);
  Applicant alice(world, world.person("alice"));
  Applicant bob(world, world.person("bob"));
  const auto first = alice.link().queue(alice.invite("welcome").request("alice"));
  const auto second = bob.link().queue(bob.invite("welcome").request("bob"));
  world.step();
  CHECK(success(alice.link().answer(first)));
  CHECK(status(bob.link().answer(second)) == ErrorCode::INVITE_REQUIRED);
  CHECK(records(world, 'u') == 1);
}

TEST_CASE("two who want the same handle with one invitation take one use") {
  World world(1, mode(RegistrationMode::invite));
  put_invite(world, "welcome", 5);
  Applicant alice(world, world.person("alice"));
  Applicant mallory(world, world.person("mallory"));
  const auto first = alice.link().queue(alice.invite("welcome").request("alice"));
  const auto second = mallory.link().queue(mallory.invite("welcome").request("alice"));
  world.step();
  CHECK(success(alice.link().answer(first)));
  CHECK(status(mallory.link().answer(second)) == ErrorCode::HANDLE_TAKEN);
  CHECK(invite_of(world, "welcome").used_by == std::vector{alice.person().id});
}

TEST_CASE("a registration that fails by storage at any write takes a use or none, with the account or without") {
  for (std::size_t at = 1; at <= 4; ++at) {
    CAPTURE(at);
    World world(1, mode(RegistrationMode::invite));
    put_invite(world, "welcome", 1);
    Applicant alice(world, world.person("alice"));
    world.disk->fail_write(at, ErrorCode::IO_ERROR);
    const auto first = alice.invite("welcome").register_as("alice");
    const bool failed = !success(first);
    // The use first, then two writes: the user and the handle.
    CHECK(failed == (at <= 3));
    if (failed) CHECK(status(first) == ErrorCode::UNAVAILABLE);
    // The use that was written down is hers.
    CHECK(invite_of(world, "welcome").used_by.empty() == (at == 1));
    if (at == 2 || at == 3) CHECK(with_invite(world, "bob", "welcome") == ErrorCode::INVITE_REQUIRED);
    world.restart();
    alice.reconnect();
    CHECK(success(alice.register_as("alice")));
    CHECK(invite_of(world, "welcome").used_by.size() == 1);
  }
}

TEST_CASE("an invitation that another process changed meanwhile is read anew") {
  World world(1, mode(RegistrationMode::invite));
  put_invite(world, "welcome", 1);
  CHECK(with_invite(world, "alice", "welcome") == ErrorCode{});
  put_invite(world, "welcome", 1);
  CHECK(with_invite(world, "bob", "welcome") == ErrorCode{});
  put_invite(world, "welcome", 0);
  CHECK(with_invite(world, "carol", "welcome") == ErrorCode::INVITE_REQUIRED);
}

TEST_CASE("whenever the second of two comes with the same invitation, the uses of both are written down") {
  for (int runs_before = 0; runs_before < 8; ++runs_before) {
    CAPTURE(runs_before);
    World world(1, mode(RegistrationMode::invite));
    put_invite(world, "welcome", 2);
    Applicant alice(world, world.person("alice"));
    Applicant bob(world, world.person("bob"));
    // So that nothing of his has to be read when he comes with it.
    CHECK(status(bob.register_as("bob")) == ErrorCode::INVITE_REQUIRED);
    world.disk_is_slow = true;
    const auto first = alice.link().queue(alice.invite("welcome").request("alice"));
    world.step();
    end_runs(world, runs_before);
    const auto second = bob.link().queue(bob.invite("welcome").request("bob"));
    world.step();
    end_runs(world, 20);
    CHECK(success(alice.link().answer(first)));
    CHECK(success(bob.link().answer(second)));
    const auto invite = invite_of(world, "welcome");
    CHECK(invite.used_by.size() == 2);
    CHECK(invite.used(alice.person().id));
    CHECK(invite.used(bob.person().id));
  }
}

TEST_CASE("whenever an invitation is revoked, there is an account only if its use was written down before") {
  for (int runs_before = 0; runs_before < 8; ++runs_before) {
    CAPTURE(runs_before);
    World world(1, mode(RegistrationMode::invite));
    put_invite(world, "welcome", 2);
    Applicant alice(world, world.person("alice"));
    Applicant bob(world, world.person("bob"));
    CHECK(status(bob.register_as("bob")) == ErrorCode::INVITE_REQUIRED);
    world.disk_is_slow = true;
    const auto first = alice.link().queue(alice.invite("welcome").request("alice"));
    world.step();
    end_runs(world, runs_before);
    // He comes while a run is under way, and is looked at once more before it ends.
    const auto second = bob.link().queue(bob.invite("welcome").request("bob"));
    world.step();
    world.step();
    const auto invite = invite_of(world, "welcome");
    {
      MemoryBackend beside(world.disk);
      beside.remove(keys::invite(invite_hash("welcome")), [](const Result<void>& done) { REQUIRE(done.ok()); });
      beside.run();
    }
    end_runs(world, 20);
    CHECK(success(alice.link().answer(first)) == invite.used(alice.person().id));
    CHECK(success(bob.link().answer(second)) == invite.used(bob.person().id));
    CHECK(records(world, 'u') == invite.used_by.size());
  }
}

TEST_CASE("an invitation ends with its time, and is forgotten a month later") {
  World world(1, mode(RegistrationMode::invite));
  put_invite(world, "welcome", 2, day);
  world.advance(day);
  CHECK(with_invite(world, "alice", "welcome") == ErrorCode::INVITE_REQUIRED);
  world.advance(30 * day - 1);
  CHECK(records(world, 'I') == 1);
  world.advance(60 * minute);
  CHECK(records(world, 'I') == 0);
}

TEST_CASE("a taken handle stays taken, whoever is invited") {
  World world(1, mode(RegistrationMode::invite));
  put_invite(world, "welcome", 5);
  CHECK(with_invite(world, "alice", "welcome") == ErrorCode{});
  Applicant mallory(world, world.person("mallory"));
  CHECK(status(mallory.invite("welcome").register_as("alice")) == ErrorCode::HANDLE_TAKEN);
  CHECK(invite_of(world, "welcome").used_by.size() == 1);
}

}  // namespace sotto::relay::test
