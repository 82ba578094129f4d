// What a relay may want of a registration, as the engine sees it: codes before there is an account, refusals, patience.
#include "unit/client/line.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const std::string number = "+4930123456";

struct Newcomer : Line {
  RegisterCommand with_code(const std::string& handle, const std::string& code) {
    auto command = registration(handle);
    command.credentials.code = code;
    return command;
  }
  void reach_relay() {
    REQUIRE(network == NetworkAction::connect);
    step(Connected{});
    step(challenge());
  }
  /// The last one that was told.
  template <typename T>
  std::optional<T> last() const {
    std::optional<T> out;
    for (const auto& event : events) {
      if (const auto* it = std::get_if<T>(&event)) out = *it;
    }
    return out;
  }
};

}  // namespace

TEST_CASE("A code is asked for without an account, and nothing stays connected for it") {
  Newcomer line;
  line.step(line.code_for(number));
  line.reach_relay();
  CHECK(line.request().request().request_code().handle() == number);
  line.step(Line::code_sent(line.request_id()));
  REQUIRE(line.codes.size() == 1);
  CHECK(must(line.codes[0]).lifetime == minutes(10));
  CHECK(must(line.codes[0]).digits == 6);
  CHECK(line.network == NetworkAction::close);
  CHECK_FALSE(line.account().has_value());
  line.step_after(hours(1));
  CHECK(line.network == NetworkAction::none);

  line.step(line.with_code(number, "123456"));
  line.reach_relay();
  CHECK(line.request().request().register_().code() == "123456");
  CHECK(line.account()->code == "123456");
  line.step(line.answer(line.request_id(), [](auto& r) { r.mutable_registered(); }));
  REQUIRE(line.registered.size() == 1);
  CHECK(line.registered[0].ok());
  CHECK(line.account()->code.empty());  // of no use any more
}

TEST_CASE("A code is asked for on the connection of a registration, too, and the other way round") {
  Newcomer line;
  SECTION("together") {
    line.step(line.code_for(number), line.registration(number));
    line.reach_relay();
  }
  SECTION("the code first") {
    line.step(line.code_for(number));
    line.reach_relay();
    const auto asked = line.sent;
    line.step(line.registration(number));
    REQUIRE(line.sent.size() == 1);
    line.sent.insert(line.sent.begin(), asked.begin(), asked.end());
  }
  REQUIRE(line.sent.size() == 2);
  CHECK(line.sent[0].request().has_request_code());
  CHECK(line.sent[1].request().has_register_());
  const auto registration = line.sent[1].id();
  line.step(Line::code_sent(line.sent[0].id()));
  CHECK(line.network == NetworkAction::none);
  line.step(line.answer(registration, [](auto& r) { r.mutable_registered(); }));
  CHECK(line.registered.at(0).ok());
}

TEST_CASE("A code that could not be asked for in time is given up, and a refusal is told") {
  Newcomer line;
  line.step(line.code_for(number));
  SECTION("no connection") {
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step_after(seconds(30));
    CHECK(line.codes.at(0).code() == ErrorCode::UNAVAILABLE);
    line.step_after(hours(1));
    CHECK_FALSE(line.timer.has_value());
  }
  SECTION("the connection is lost, and there is another one in time") {
    line.reach_relay();
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step_after(seconds(1));
    line.reach_relay();
    CHECK(line.request().request().has_request_code());
  }
  SECTION("refused") {
    line.reach_relay();
    line.step(Line::refusal(line.request_id(), ErrorCode::RATE_LIMITED, seconds(59)));
    REQUIRE(line.codes.size() == 1);
    CHECK(line.codes[0].code() == ErrorCode::RATE_LIMITED);
    CHECK(line.codes[0].error().retry_after == seconds(59));
  }
  SECTION("closed") {
    line.take(line.engine->close());
    CHECK(line.codes.at(0).code() == ErrorCode::CLOSED);
  }
}

TEST_CASE("What a registration shows survives a restart, and goes with the account that is refused") {
  Newcomer line;
  auto command = line.with_code(number, "123456");
  command.credentials.invite = "welcome";
  command.credentials.pin_hash = Bytes(32, 7);
  line.step(std::move(command));
  line.start();
  line.step(TimerDue{});
  line.reach_relay();
  const auto& shown = line.request().request().register_();
  CHECK(shown.code() == "123456");
  CHECK(shown.invite() == "welcome");
  CHECK(shown.pin_hash() == std::string(32, 7));
  line.step(line.refusal(line.request_id(), ErrorCode::WRONG_CODE));
  CHECK_FALSE(line.account().has_value());
  // Nobody waits for a completion any more.
  const auto told = line.last<RegistrationChanged>();
  REQUIRE(told.has_value());
  CHECK(told->handle == number);
  CHECK(told->problem->code == ErrorCode::WRONG_CODE);
}

TEST_CASE("A registration is patient for a minute, not for a day") {
  Newcomer line;
  line.step(line.registration(number));
  line.reach_relay();
  SECTION("soon") {
    line.step(Line::refusal(line.request_id(), ErrorCode::RATE_LIMITED, seconds(50)));
    CHECK(line.registered.empty());
    line.step_after(seconds(49));
    CHECK(line.network == NetworkAction::none);
    line.step_after(seconds(11));
    CHECK(line.network == NetworkAction::connect);
  }
  SECTION("later") {
    line.step(Line::refusal(line.request_id(), ErrorCode::RATE_LIMITED, hours(20)));
    REQUIRE(line.registered.size() == 1);
    CHECK(line.registered[0].error().retry_after == hours(20));
    CHECK_FALSE(line.account().has_value());
  }
}

TEST_CASE("A handle that is to move is waited for, with the same identity and without asking meanwhile") {
  Newcomer line;
  line.step(line.with_code(number, "123456"));
  const auto user = line.account()->user;
  line.reach_relay();
  line.step(Line::refusal(line.request_id(), ErrorCode::HANDLE_PENDING, hours(24)));
  REQUIRE(line.registered.size() == 1);
  CHECK(line.registered[0].code() == ErrorCode::HANDLE_PENDING);
  CHECK(line.registered[0].error().retry_after == hours(24));
  const auto waits = line.last<RegistrationChanged>();
  REQUIRE(waits.has_value());
  CHECK(waits->moves_at == line.now + hours(24));
  CHECK(line.network == NetworkAction::close);
  REQUIRE(line.account().has_value());
  CHECK_FALSE(line.account()->registered);

  const auto ask = [&] {
    line.reach_relay();
    const auto& command = line.request().request().register_();
    CHECK(must(wire::check_device_list(command.device_list())).user == user);
  };
  SECTION("to its end") {
    CHECK(line.timer == line.now + hours(24));
    line.step_after(hours(24) - seconds(1));
    CHECK(line.network == NetworkAction::none);
    line.step_after(seconds(1));
    ask();
    line.step(line.answer(line.request_id(), [](auto& r) { r.mutable_registered(); }));
    const auto made = line.last<RegistrationChanged>();
    CHECK(made->user == user);
    CHECK(line.account()->handle_moves_at == 0);
  }
  SECTION("over a restart, when it asks once") {
    line.start();
    line.step(TimerDue{});
    ask();
    line.step(Line::refusal(line.request_id(), ErrorCode::HANDLE_PENDING, hours(20)));
    CHECK(line.last<RegistrationChanged>()->moves_at == line.now + hours(20));
    line.step_after(hours(1));
    CHECK(line.network == NetworkAction::none);
  }
  SECTION("over a clock that is set back") {
    line.now -= hours(48);
    line.step(TimerDue{});
    CHECK(line.timer == line.now + hours(24));
  }
  SECTION("until the owner keeps it") {
    line.step_after(hours(24));
    ask();
    line.step(line.refusal(line.request_id(), ErrorCode::HANDLE_TAKEN));
    CHECK(line.last<RegistrationChanged>()->problem->code == ErrorCode::HANDLE_TAKEN);
    CHECK_FALSE(line.account().has_value());
  }
  SECTION("or with a PIN that comes to mind, at once") {
    auto command = line.registration(number);
    command.credentials.pin_hash = Bytes(32, 7);
    line.step(std::move(command));
    ask();
    CHECK(line.request().request().register_().pin_hash() == std::string(32, 7));
    CHECK(line.request().request().register_().code() == "123456");
  }
  SECTION("and not left for another once the relay is asked for it") {
    line.step_after(hours(24));
    ask();
    const auto asked = line.request_id();
    line.step(line.registration("+4930123457"));
    CHECK(line.registered.back().code() == ErrorCode::ALREADY_EXISTS);
    line.step(line.answer(asked, [](auto& r) { r.mutable_registered(); }));
    CHECK(line.account()->registered);
    CHECK(line.account()->user == user);
    CHECK(line.account()->handle == number);
  }
  SECTION("unless the app takes another handle instead") {
    line.step(line.registration("+4930123457"));
    CHECK(line.account()->handle == "+4930123457");
    CHECK(line.account()->user != user);
    line.reach_relay();
    CHECK(line.request().request().register_().handle() == "+4930123457");
    CHECK(line.request().request().register_().code().empty());
  }
}

TEST_CASE("What becomes of the own handle is told once, whatever the relay repeats") {
  Newcomer line;
  line.go_online();
  const auto say = [&](const std::string& handle, std::uint64_t moves_at, bool moved) {
    line.events.clear();
    line.step(Line::push([&](wire::Push& push) {
      push.mutable_handle_notice()->set_handle(handle);
      push.mutable_handle_notice()->set_moves_at(moves_at);
      push.mutable_handle_notice()->set_moved(moved);
    }));
  };
  say("somebody else's", 1'700'000'000'000, false);
  CHECK(line.events.empty());
  say("alice", 1'700'000'000'000, false);
  REQUIRE(line.last<HandleClaimed>().has_value());
  CHECK(line.last<HandleClaimed>()->moves_at == Timestamp(milliseconds(1'700'000'000'000)));
  say("alice", 1'700'000'000'000, false);
  CHECK(line.events.empty());

  SECTION("it stays") {
    say("alice", 0, false);
    REQUIRE(line.last<HandleClaimed>().has_value());
    CHECK_FALSE(line.last<HandleClaimed>()->moves_at.has_value());
    CHECK_FALSE(line.last<HandleClaimed>()->moved);
  }
  SECTION("it moves") {
    say("alice", 0, true);
    CHECK(line.last<HandleClaimed>()->moved);
    line.events.clear();
    line.start();
    line.step(TimerDue{});
    line.authenticate();
    line.accept_authentication();
    say("alice", 0, true);
    CHECK_FALSE(line.last<HandleClaimed>().has_value());
    CHECK(line.account()->handle_moved);
  }
}
