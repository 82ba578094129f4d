// Another handle for an account that there is, over a real relay: numbers that change hands, and people who stay.
#include "client/pin.h"
#include "crypto/init.h"
#include "unit/client/account_net.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const std::string other = "+4930999999";

}  // namespace

namespace {

struct Numbers : Net {
  using Net::Net;
  Result<void> change(TestDevice& device, const std::string& handle, Credentials shown = {}) {
    std::optional<Result<void>> out;
    device.command(ChangeHandleCommand{handle, [&](Result<void> result) { out = result; }, std::move(shown)});
    REQUIRE(run_until([&] { return out.has_value(); }));
    REQUIRE(run_until([&] { return device.connection == ConnectionState::online; }));
    return *out;
  }
  AccountRow account(TestDevice& device) { return must(AccountTable(*device.db).load()).value(); }
};

}  // namespace

TEST_CASE("Who lost a number to somebody else gets another one, with the same chats and people") {
  must(crypto::initialize());
  Numbers net;
  auto& alice = net.owner(number);
  auto& bob = net.owner("+4930123457");
  const auto user = alice.user;
  const auto chat = bob.direct_chat(alice);
  bob.send(chat, "before");
  REQUIRE(net.settle());
  CHECK_FALSE(
      net.ask(alice, [&](auto& r) { r.mutable_set_pin()->set_pin_hash(wire::field(must(pin_hash(number, "2468")))); }));
  net.run_for(minutes(1));
  auto& heir = net.add();
  REQUIRE(net.prove(heir, number, must(pin_hash(number, "2468"))).ok());
  net.run_for(seconds(1));
  REQUIRE(net.account(alice).handle_moved);

  CHECK(net.change(alice, other).code() == ErrorCode::CODE_REQUIRED);
  CHECK(net.account(alice).handle_moved);
  const auto code = net.code(alice, other);
  CHECK(net.change(alice, other, {code == "000000" ? "000001" : "000000", {}, {}}).code() == ErrorCode::WRONG_CODE);
  REQUIRE(net.change(alice, other, {code, {}, {}}).ok());
  CHECK(net.account(alice).handle == other);
  CHECK_FALSE(net.account(alice).handle_moved);
  CHECK(net.account(alice).user == user);
  CHECK(must(net.find(bob, other)) == user);
  bob.send(chat, "after");
  REQUIRE(net.settle());
  alice.send(chat, "still me");
  REQUIRE(net.settle());
  CHECK(bob.texts(chat) == std::vector<std::string>{"before", "after", "still me"});
  // What is about the handle is about the new one.
  CHECK_FALSE(
      net.ask(alice, [&](auto& r) { r.mutable_set_pin()->set_pin_hash(wire::field(must(pin_hash(other, "1357")))); }));
  net.run_for(minutes(1));
  CHECK(net.prove(net.add(), other).code() == ErrorCode::PIN_REQUIRED);
}

TEST_CASE("A number of somebody who is there moves to an account after a day, unless they object") {
  Numbers net;
  auto& alice = net.owner(number);
  auto& bob = net.owner(other);
  net.run_for(minutes(1));
  const auto code = net.code(alice, other);
  REQUIRE(net.change(alice, other, {code, {}, {}}).code() == ErrorCode::HANDLE_PENDING);
  CHECK(last_told<RegistrationChanged>(alice).moves_at.has_value());
  CHECK(last_told<HandleClaimed>(bob).moves_at.has_value());
  if (GENERATE(false, true)) alice.restart();
  SECTION("nobody objects") {
    REQUIRE(net.run_until([&] { return net.account(alice).handle == other; }, hours(25)));
    REQUIRE(net.run_until([&] { return alice.connection == ConnectionState::online; }));
    CHECK(last_told<RegistrationChanged>(alice).user == alice.user);
    net.run_for(seconds(1));
    CHECK(net.account(bob).handle_moved);
    CHECK(must(net.find(bob, number)) == alice.user);  // Both lead to her.
    CHECK(must(net.find(bob, other)) == alice.user);
  }
  SECTION("the owner objects") {
    CHECK_FALSE(net.ask(bob, [](auto& r) { r.mutable_keep_handle(); }));
    net.run_for(hours(25));
    CHECK(last_told<RegistrationChanged>(alice).problem->code == ErrorCode::HANDLE_TAKEN);
    CHECK(net.account(alice).handle == number);
    CHECK(alice.connection == ConnectionState::online);
    CHECK(must(net.find(alice, other)) == bob.user);
  }
}

TEST_CASE("Names change, too, and back again") {
  Numbers net(RegistrationMode::open);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  CHECK(net.change(alice, "bob").code() == ErrorCode::HANDLE_TAKEN);
  REQUIRE(net.change(alice, "eve").ok());
  CHECK(must(net.find(bob, "eve")) == alice.user);
  REQUIRE(net.change(alice, "alice").ok());
  CHECK(net.account(alice).handle == "alice");
  CHECK(must(net.find(bob, "alice")) == alice.user);
}

TEST_CASE("A change of the handle ends well wherever the connection is lost or the process dies") {
  for (int at = 0; at < 24; ++at) {
    CAPTURE(at);
    Numbers net;
    auto& alice = net.owner(number);
    const auto user = alice.user;
    const auto code = net.code(alice, other);
    std::vector<Result<void>> done;
    alice.command(ChangeHandleCommand{other, [&](Result<void> result) { done.push_back(result); }, {code, {}, {}}});
    net.run_for(milliseconds(8 * at));
    if (at % 2 == 0) {
      net.cut(alice);
    } else {
      alice.restart();
    }
    REQUIRE(net.run_until([&] { return net.account(alice).handle == other; }));
    REQUIRE(net.run_until([&] { return alice.connection == ConnectionState::online; }));
    CHECK(net.account(alice).user == user);
    CHECK(must(net.find(alice, other)) == user);
    CHECK(done.size() <= 1);
    if (!done.empty()) CHECK(done[0].ok());
    CHECK_FALSE(must(AccountTable(*alice.db).handle_change()).has_value());
  }
}
