// Accounts over a real relay: codes, invitations, PINs, handles that move, and the people who are met under them.
#include "client/account.h"

#include "client/pin.h"
#include "crypto/init.h"
#include "relay/record_keys.h"
#include "relay/registration_records.h"
#include "unit/client/account_net.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("Two people register by code, and talk") {
  Net net;
  auto& alice = net.owner(number);
  auto& bob = net.owner("+4930123457");
  CHECK(must(net.find(alice, "+4930123457")) == bob.user);
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "hello");
  REQUIRE(net.settle());
  CHECK(bob.texts(chat) == std::vector<std::string>{"hello"});
}

TEST_CASE("A wrong code can be followed by the right one") {
  Net net;
  auto& alice = net.add();
  const auto code = net.code(alice, number);
  CHECK(net.enrol(alice, number).code() == ErrorCode::CODE_REQUIRED);
  CHECK(net.enrol(alice, number, {code == "000000" ? "000001" : "000000", {}, {}}).code() == ErrorCode::WRONG_CODE);
  CHECK(net.enrol(alice, number, {code, {}, {}}).ok());
}

TEST_CASE("A registration by code ends well wherever the connection is lost or the process dies") {
  for (int at = 0; at < 12; ++at) {
    CAPTURE(at);
    Net net;
    auto& alice = net.add();
    const auto code = net.code(alice, number);
    std::optional<Result<UserId>> done;
    alice.command(RegisterCommand{number, [&](Result<UserId> result) { done = std::move(result); }, {code, {}, {}}});
    net.run_for(milliseconds(8 * at));
    if (at % 2 == 0) {
      net.cut(alice);
    } else {
      alice.restart();
    }
    REQUIRE(net.run_until([&] { return alice.connection == ConnectionState::online; }));
    const auto account = must(AccountTable(*alice.db).load());
    CHECK(account->registered);
    alice.user = account->user;
    CHECK(must(net.find(alice, number)) == account->user);
  }
}

TEST_CASE("Whom an invitation brings in") {
  Net net(RegistrationMode::invite);
  auto& alice = net.add();
  CHECK(net.enrol(alice, "alice").code() == ErrorCode::INVITE_REQUIRED);
  relay::MemoryBackend other(net.disk);
  const relay::InviteRecord invite{1, UINT64_MAX / 2, 0, {}};
  other.put(relay::keys::invite(relay::invite_hash("welcome")), invite.encode(), std::nullopt, [](const auto&) {});
  other.run();
  CHECK(net.enrol(alice, "alice", {{}, "welcome", {}}).ok());
  CHECK(net.enrol(net.add(), "bob", {{}, "welcome", {}}).code() == ErrorCode::INVITE_REQUIRED);
}

TEST_CASE("A handle moves after a day, the old account keeps its chats, and friends are warned") {
  Net net;
  auto& alice = net.owner(number);
  auto& bob = net.owner("+4930123457");
  REQUIRE(must(net.find(bob, number)) == alice.user);
  const auto chat = bob.direct_chat(alice);
  bob.send(chat, "before");
  REQUIRE(net.settle());

  net.run_for(minutes(1));
  auto& thief = net.add();
  const auto pending = net.prove(thief, number);
  REQUIRE(pending.code() == ErrorCode::HANDLE_PENDING);
  CHECK(pending.error().retry_after == hours(24));
  net.run_for(seconds(1));
  auto claims = told<HandleClaimed>(alice);
  REQUIRE(claims.size() == 1);
  CHECK(claims[0].moves_at.has_value());
  CHECK(last_told<RegistrationChanged>(thief).moves_at.has_value());

  SECTION("and nobody objects") {
    thief.restart();
    REQUIRE(net.run_until([&] { return thief.connection == ConnectionState::online; }, hours(25)));
    thief.user = must(AccountTable(*thief.db).load())->user;
    CHECK(last_told<RegistrationChanged>(thief).user == thief.user);
    net.run_for(seconds(1));
    CHECK(last_told<HandleClaimed>(alice).moved);
    CHECK(told<HandleMoved>(bob).empty());
    CHECK(must(net.find(bob, number)) == thief.user);
    const auto warnings = told<HandleMoved>(bob);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].handle == number);
    CHECK(warnings[0].old_user == alice.user);
    CHECK(warnings[0].new_user == thief.user);
    CHECK(must(net.find(bob, number)) == thief.user);
    CHECK(told<HandleMoved>(bob).size() == 1);  // once
    // The old account goes on.
    bob.send(chat, "after");
    alice.send(chat, "still here");
    REQUIRE(net.settle());
    CHECK(alice.texts(chat) == std::vector<std::string>{"before", "after", "still here"});
    alice.restart();
    REQUIRE(net.run_until([&] { return alice.connection == ConnectionState::online; }));
    net.run_for(seconds(1));
    CHECK(told<HandleClaimed>(alice).size() == 2);
  }
  SECTION("and the owner objects") {
    CHECK_FALSE(net.ask(alice, [](auto& r) { r.mutable_keep_handle(); }));
    net.run_for(seconds(1));
    claims = told<HandleClaimed>(alice);
    REQUIRE(claims.size() == 2);
    CHECK_FALSE(claims[1].moves_at.has_value());
    CHECK_FALSE(claims[1].moved);
    net.run_for(hours(25));
    CHECK(last_told<RegistrationChanged>(thief).problem->code == ErrorCode::HANDLE_TAKEN);
    CHECK(must(net.find(bob, number)) == alice.user);
  }
}

TEST_CASE("A PIN is never what leaves, and gives the handle to who knows it") {
  must(crypto::initialize());
  const auto pin = must(pin_hash(number, "2468"));
  CHECK(pin == must(pin_hash(number, "2468")));
  CHECK(pin != must(pin_hash("+4930123457", "2468")));
  CHECK(pin_hash(number, "123").code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(pin_hash(number, std::string(65, '1')).code() == ErrorCode::INVALID_ARGUMENT);
  // Argon2id of "2468" under the first half of SHA-256("sotto pin+4930123456"), 3 passes over 64 MiB.
  CHECK(to_hex(pin) == "e1dbd67476bce5bd7fbdf36c7ffbeb2590c7e6f4b757beb9ff4ebbcd85abc630");

  Net net;
  auto& alice = net.owner(number);
  CHECK_FALSE(net.ask(alice, [&](auto& r) { r.mutable_set_pin()->set_pin_hash(wire::field(pin)); }));
  auto& phone = net.add();
  net.run_for(minutes(2));
  CHECK(net.prove(phone, number).code() == ErrorCode::PIN_REQUIRED);
  CHECK(net.enrol(phone, number, {net.codes.at(number), {}, must(pin_hash(number, "1357"))}).code() ==
        ErrorCode::PIN_REQUIRED);
  CHECK(net.enrol(phone, number, {net.codes.at(number), {}, pin}).ok());
  net.run_for(seconds(1));
  CHECK(last_told<HandleClaimed>(alice).moved);
}

TEST_CASE("Who does not want to be found is not") {
  Net net;
  auto& alice = net.owner(number);
  auto& bob = net.owner("+4930123457");
  CHECK_FALSE(net.ask(alice, [](auto& r) { r.mutable_set_discovery()->set_hidden(true); }));
  CHECK(net.find(bob, number).code() == ErrorCode::UNKNOWN_USER);
  CHECK_FALSE(net.ask(alice, [](auto& r) { r.mutable_set_discovery()->set_hidden(false); }));
  CHECK(must(net.find(bob, number)) == alice.user);
}

TEST_CASE("A request about the account that is not answered in time says so, and is asked again before") {
  Net net;
  auto& alice = net.owner(number);
  std::vector<Result<void>> outcomes;
  AskCommand command;
  command.request.mutable_set_discovery()->set_hidden(true);
  command.done = [&](Result<void> result) { outcomes.push_back(result); };
  alice.go_offline();
  alice.command(command);
  SECTION("never") {
    net.run_for(seconds(31));
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].code() == ErrorCode::UNAVAILABLE);
  }
  SECTION("later") {
    net.run_for(seconds(5));
    CHECK(outcomes.empty());
    alice.go_online();
    REQUIRE(net.run_until([&] { return !outcomes.empty(); }));
    CHECK(outcomes[0].ok());
  }
}

TEST_CASE("A participant is replaced by another in one change") {
  TestNet net{1};
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  auto& dave = net.add("dave");
  const auto chat = alice.group({&bob, &carol}, "g");
  REQUIRE(net.settle());
  int commits = 0;
  net.rewrite = [&](wire::Envelope& envelope) {
    if (envelope.request().has_update_chat() || envelope.request().has_modify_chat_participants()) ++commits;
  };
  const auto replace = [&](TestDevice& by, const UserId& old_user, const UserId& new_user) {
    by.changes.clear();
    by.command(ChangeChatCommand{
        chat, ChangeKind::replace, old_user, {}, [&](Result<void> result) { by.changes.push_back(result); }, new_user});
    REQUIRE(net.settle());
    REQUIRE(by.changes.size() == 1);
    return by.changes[0].ok() ? std::nullopt : std::optional(*by.changes[0].code());
  };
  const auto users = [&](TestDevice& device) {
    std::set<UserId> out;
    for (const auto& participant : must(ChatTable(*device.db).participants(chat))) out.insert(participant.user);
    return out;
  };

  SECTION("by an admin") {
    CHECK_FALSE(replace(alice, bob.user, dave.user));
    CHECK(commits == 1);
    CHECK(bob.chat(chat).status == ChatStatus::removed);
    for (auto* member : {&alice, &carol, &dave}) {
      CHECK(users(*member) == std::set{alice.user, carol.user, dave.user});
    }
    carol.send(chat, "welcome");
    REQUIRE(net.settle());
    CHECK(dave.texts(chat) == std::vector<std::string>{"welcome"});
    CHECK(alice.epoch_authenticator(chat) == dave.epoch_authenticator(chat));
    // Again: nothing is left to do.
    CHECK_FALSE(replace(alice, bob.user, dave.user));
    CHECK(commits == 1);
  }
  SECTION("who is there already: then it is a removal") {
    CHECK_FALSE(replace(alice, bob.user, carol.user));
    CHECK(users(alice) == std::set{alice.user, carol.user});
  }
  SECTION("not by others, not oneself, not somebody unknown") {
    CHECK(replace(carol, bob.user, dave.user) == ErrorCode::FORBIDDEN);
    CHECK(replace(alice, alice.user, dave.user) == ErrorCode::FORBIDDEN);
    CHECK(replace(alice, bob.user, random_id<UserId>(net.random)) == ErrorCode::UNKNOWN_USER);
    CHECK(users(alice) == std::set{alice.user, bob.user, carol.user});
  }
  SECTION("over a restart, and a slot that somebody else wins") {
    alice.command(ChangeChatCommand{chat, ChangeKind::replace, bob.user, {}, {}, dave.user});
    net.run_for(milliseconds(30));
    carol.change(chat, ChangeKind::refresh);
    net.run_for(milliseconds(20));
    alice.restart();
    REQUIRE(net.settle());
    CHECK(users(alice) == std::set{alice.user, carol.user, dave.user});
    CHECK(users(dave) == users(alice));
  }
}

TEST_CASE("A direct chat keeps its two users, and says what to do instead") {
  TestNet net{1};
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  alice.command(ChangeChatCommand{chat,
                                  ChangeKind::replace,
                                  bob.user,
                                  {},
                                  [&](Result<void> result) { alice.changes.push_back(result); },
                                  carol.user});
  REQUIRE(net.settle());
  REQUIRE(alice.changes.size() == 1);
  CHECK(alice.changes[0].code() == ErrorCode::FORBIDDEN);
  CHECK(alice.changes[0].error().message.find("open a new one") != std::string::npos);
}
