// Another handle for an account that there is, as the engine sees it: when it is asked for, and what its answers mean.
#include "unit/client/line.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const std::string other = "+4930999999";

/// "alice", who is online and wants to be called something else.
struct Renamer : Line {
  Renamer() { go_online(); }
  ChangeHandleCommand change(const std::string& handle, Credentials shown = {}) {
    return {handle, [this](Result<void> result) { changes.push_back(result); }, std::move(shown)};
  }
  /// The connection that there is makes way for one that has not authenticated.
  const wire::Register& connect_anew() {
    REQUIRE(network == NetworkAction::close);
    REQUIRE(timer == now);
    step(TimerDue{});
    return connect();
  }
  const wire::Register& connect() {
    REQUIRE(network == NetworkAction::connect);
    step(Connected{});
    step(challenge());
    REQUIRE(request().request().has_register_());
    return request().request().register_();
  }
  void give() {
    step(answer(request_id(), [](wire::Response& r) { r.mutable_registered(); }));
  }
  void refuse(ErrorCode code, milliseconds retry_after = {}) { step(refusal(request_id(), code, retry_after)); }
  /// From the answer to being online as before.
  void authenticate_again() {
    REQUIRE(request().request().has_authenticate());
    accept_authentication();
    step(heads());
    REQUIRE(state() == ConnectionState::online);
  }
  [[nodiscard]] std::optional<HandleChange> pending() { return must(AccountTable(*db).handle_change()); }
  [[nodiscard]] std::vector<RegistrationChanged> told() const {
    std::vector<RegistrationChanged> out;
    for (const auto& event : events) {
      if (const auto* it = std::get_if<RegistrationChanged>(&event)) out.push_back(*it);
    }
    return out;
  }
  void say_moved(const std::string& handle) {
    step(push([&](wire::Push& p) {
      p.mutable_handle_notice()->set_handle(handle);
      p.mutable_handle_notice()->set_moved(true);
    }));
  }

  std::vector<Result<void>> changes;
};

}  // namespace

TEST_CASE("Another handle is asked for before authenticating, by the same user, and is the account's from then on") {
  Renamer line;
  const auto before = line.account().value();
  line.step(line.change("eve", {"123456", "welcome", Bytes(32, 7)}));
  CHECK(line.account()->handle == "alice");
  const auto& asked = line.connect_anew();
  CHECK(asked.handle() == "eve");
  CHECK(asked.code() == "123456");
  CHECK(asked.invite() == "welcome");
  CHECK(asked.pin_hash() == std::string(32, 7));
  CHECK(must(wire::check_device_list(asked.device_list())).user == before.user);
  CHECK(line.account()->handle == "alice");
  CHECK(line.changes.empty());
  line.give();
  REQUIRE(line.changes.size() == 1);
  CHECK(line.changes[0].ok());
  CHECK(line.told().empty());
  const auto after = line.account().value();
  CHECK(after.handle == "eve");
  CHECK(after.user == before.user);
  CHECK(after.device == before.device);
  CHECK_FALSE(line.pending().has_value());
  line.authenticate_again();
  line.step_after(hours(1));
  CHECK(line.network == NetworkAction::none);
}

TEST_CASE("A refusal leaves the account as it was, and the connection goes on") {
  Renamer line;
  const bool moved = GENERATE(false, true);
  if (moved) line.say_moved("alice");
  const auto code = GENERATE(ErrorCode::HANDLE_TAKEN, ErrorCode::CODE_REQUIRED, ErrorCode::WRONG_CODE,
                             ErrorCode::PIN_REQUIRED, ErrorCode::INVITE_REQUIRED);
  const auto before = line.account().value();
  line.step(line.change("eve"));
  SECTION("as the completion says") {
    line.connect_anew();
    line.refuse(code);
    REQUIRE(line.changes.size() == 1);
    CHECK(line.changes[0].code() == code);
    CHECK(line.told().empty());
  }
  SECTION("as an event says, after a restart") {
    line.start();
    line.step(TimerDue{});
    line.connect();
    line.refuse(code);
    REQUIRE(line.told().size() == 1);
    CHECK(line.told()[0].handle == "eve");
    CHECK(line.told()[0].problem->code == code);
  }
  line.authenticate_again();
  const auto after = line.account().value();
  CHECK(after.handle == "alice");
  CHECK(after.user == before.user);
  CHECK(after.handle_moved == moved);
  CHECK(after.registered);
  CHECK_FALSE(line.pending().has_value());
}

TEST_CASE("A change goes on after a restart and after lost connections, with what it shows") {
  Renamer line;
  line.step(line.change("eve", {"123456", {}, {}}));
  SECTION("a restart") {
    line.start();
    line.step(TimerDue{});
  }
  SECTION("a lost answer") {
    line.connect_anew();
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step_after(minutes(1));
  }
  const auto& asked = line.connect();
  CHECK(asked.handle() == "eve");
  CHECK(asked.code() == "123456");
  line.give();
  CHECK(line.account()->handle == "eve");
  // One of the two tells it.
  CHECK(line.changes.size() + line.told().size() == 1);
  line.authenticate_again();
}

TEST_CASE("A change that is wanted offline waits for the network") {
  Renamer line;
  line.step(DisconnectCommand{});
  line.step(line.change("eve"));
  CHECK(line.network == NetworkAction::none);
  line.step_after(hours(1));
  CHECK(line.network == NetworkAction::none);
  line.step(ConnectCommand{});
  CHECK(line.connect().handle() == "eve");
}

TEST_CASE("A handle that is to move here is waited for online, and asked for again when the time has come") {
  Renamer line;
  line.step(line.change(other, {"123456", {}, {}}));
  line.connect_anew();
  line.refuse(ErrorCode::HANDLE_PENDING, hours(24));
  const auto moves_at = line.now + hours(24);
  REQUIRE(line.changes.size() == 1);
  CHECK(line.changes[0].code() == ErrorCode::HANDLE_PENDING);
  REQUIRE(line.told().size() == 1);
  CHECK(line.told()[0].moves_at == moves_at);
  CHECK(line.account()->handle == "alice");
  line.authenticate_again();
  REQUIRE(line.timer.has_value());
  CHECK(*line.timer <= moves_at);

  SECTION("to its end") {
    line.step_after(hours(24) - seconds(1));
    CHECK(line.network == NetworkAction::none);
    line.step(ConnectCommand{});  // No reason to ask once more.
    CHECK(line.network == NetworkAction::none);
    line.step_after(seconds(1));
    CHECK(line.connect_anew().code() == "123456");
    line.give();
    CHECK(line.told().back().user == line.account()->user);
    CHECK(line.account()->handle == other);
    CHECK(line.account()->handle_moves_at == 0);
    line.authenticate_again();
  }
  SECTION("over a restart, when it asks once") {
    line.start();
    line.step(TimerDue{});
    line.connect();
    line.refuse(ErrorCode::HANDLE_PENDING, hours(20));
    CHECK(line.told().back().moves_at == line.now + hours(20));
    line.authenticate_again();
    line.step_after(hours(1));
    CHECK(line.network == NetworkAction::none);
  }
  SECTION("until its owner keeps it") {
    line.step_after(hours(24));
    line.connect_anew();
    line.refuse(ErrorCode::HANDLE_TAKEN);
    CHECK(line.told().back().problem->code == ErrorCode::HANDLE_TAKEN);
    CHECK(line.account()->handle == "alice");
    line.authenticate_again();
  }
  SECTION("or at once, with a PIN that comes to mind") {
    line.step(line.change(other, {{}, {}, Bytes(32, 7)}));
    const auto& asked = line.connect_anew();
    CHECK(asked.pin_hash() == std::string(32, 7));
    CHECK(asked.code() == "123456");
  }
  SECTION("unless the app wants another one instead") {
    line.step(line.change("eve"));
    const auto& asked = line.connect_anew();
    CHECK(asked.handle() == "eve");
    CHECK(asked.code().empty());
  }
  SECTION("unless the app takes it back") {
    line.step(line.change("alice"));
    CHECK(line.changes.back().ok());
    CHECK_FALSE(line.pending().has_value());
    line.step_after(hours(48));
    CHECK(line.network == NetworkAction::none);
    CHECK(line.account()->handle == "alice");
  }
  SECTION("with a clock that is set back") {
    line.now -= hours(48);
    line.step(TimerDue{});
    line.step_after(hours(24));
    CHECK(line.network == NetworkAction::close);
  }
}

TEST_CASE("A relay that cannot give it just now is asked again, and the account is online meanwhile") {
  Renamer line;
  const auto [code, wait] =
      GENERATE(std::pair(ErrorCode::UNAVAILABLE, seconds(0)), std::pair(ErrorCode::RATE_LIMITED, seconds(50)));
  line.step(line.change("eve"));
  line.connect_anew();
  line.refuse(code, wait);
  CHECK(line.changes.empty());
  line.authenticate_again();
  line.step_after(std::max(wait, seconds(30)) - seconds(1));
  CHECK(line.network == NetworkAction::none);
  line.step_after(seconds(1));
  line.connect_anew();
  SECTION("given") {
    line.give();
    CHECK(line.changes.at(0).ok());
  }
  SECTION("not before tomorrow") {
    line.refuse(ErrorCode::RATE_LIMITED, hours(20));
    CHECK(line.changes.at(0).code() == ErrorCode::RATE_LIMITED);
    CHECK_FALSE(line.pending().has_value());
  }
  line.authenticate_again();
}

TEST_CASE("One handle is asked for at a time, and the present one not at all") {
  Renamer line;
  line.step(line.change("alice"));
  CHECK(line.changes.at(0).ok());
  CHECK(line.network == NetworkAction::none);
  line.step(line.change("eve"), line.change("mallory"), line.change("eve"));
  CHECK(line.changes.at(1).code() == ErrorCode::CONFLICT);
  line.connect_anew();
  line.give();
  CHECK(line.changes.size() == 4);
  CHECK(line.changes[2].ok());
  CHECK(line.changes[3].ok());
}

TEST_CASE("The own handle that has moved away can be asked for again") {
  Renamer line;
  line.say_moved("alice");
  line.step(line.change("alice"));
  CHECK(line.connect_anew().handle() == "alice");
  line.give();
  CHECK_FALSE(line.account()->handle_moved);
  line.authenticate_again();
}

TEST_CASE("There is nothing to change without an account, or with one that was left behind") {
  SECTION("none") {
    Line line;
    std::vector<Result<void>> changes;
    line.step(ChangeHandleCommand{"eve", [&](Result<void> result) { changes.push_back(result); }});
    CHECK(changes.at(0).code() == ErrorCode::NOT_REGISTERED);
    line.step(line.registration("alice"),
              ChangeHandleCommand{"eve", [&](Result<void> result) { changes.push_back(result); }});
    CHECK(changes.at(1).code() == ErrorCode::NOT_REGISTERED);
  }
  SECTION("an old copy") {
    Renamer line;
    line.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
    line.step_after(minutes(1));
    line.authenticate();
    line.step(line.refusal(line.request_id(), ErrorCode::ROLLED_BACK));
    line.step(line.change("eve"));
    CHECK(line.changes.at(0).code() == ErrorCode::ROLLED_BACK);
    // Even to ask for a code, nothing authenticates with it any more.
    line.step(line.code_for(other));
    REQUIRE(line.network == NetworkAction::connect);
    line.step(Connected{});
    line.step(Line::challenge());
    line.step(line.refusal(line.request_id(), ErrorCode::UNSUPPORTED));
    CHECK(line.sent.empty());
    CHECK(line.network == NetworkAction::close);
  }
  SECTION("closed") {
    Renamer line;
    line.step(line.change("eve"));
    line.take(line.engine->close());
    CHECK(line.changes.at(0).code() == ErrorCode::CLOSED);
  }
  SECTION("erased") {
    Renamer line;
    line.step(DisconnectCommand{});
    line.step(line.change("eve"), line.code_for(other));
    line.step(LogOutCommand{LogOutData::erase, {}});
    line.step_after(seconds(10));
    CHECK(line.changes.at(0).code() == ErrorCode::CANCELLED);
    CHECK(line.codes.at(0).code() == ErrorCode::CANCELLED);
    CHECK_FALSE(line.pending().has_value());
  }
}

TEST_CASE("Who has an account asks for a code on a connection of its beginning, and goes on with it") {
  Renamer line;
  line.step(line.code_for(other));
  REQUIRE(line.network == NetworkAction::close);
  line.step(TimerDue{});
  line.step(Connected{});
  line.step(Line::challenge());
  CHECK(line.request().request().request_code().handle() == other);
  SECTION("sent") {
    line.step(Line::code_sent(line.request_id()));
    CHECK(must(line.codes.at(0)).digits == 6);
  }
  SECTION("refused") {
    line.refuse(ErrorCode::UNSUPPORTED);
    CHECK(line.codes.at(0).code() == ErrorCode::UNSUPPORTED);
  }
  line.authenticate_again();
}
