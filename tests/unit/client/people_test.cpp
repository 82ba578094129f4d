// Profiles, requests and blocks; over the real relay core.
#include "support/catch.h"
#include "support/must.h"
#include "support/testnet.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {

Person person(TestDevice& of, const TestDevice& who) { return must(client::PersonTable(*of.db).find(who.user)); }

void block(TestDevice& device, const TestDevice& who, bool blocked = true) {
  device.command(client::BlockCommand{who.user, blocked,
                                      [&device](Result<void> done) { device.changes.push_back(std::move(done)); }});
}

void show(TestDevice& device, const Profile& profile) {
  device.command(
      client::ProfileCommand{profile, [&device](Result<void> done) { device.changes.push_back(std::move(done)); }});
}

Profile alices() { return {"Alice", "hears you", std::vector<std::uint8_t>(40'000, 7), "image/webp"}; }

}  // namespace

TEST_CASE("A profile travels with the next message, and its changes with the next after that") {
  TestNet net(1);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  show(alice, alices());
  REQUIRE(net.settle());
  CHECK(person(bob, alice).profile == Profile{});
  alice.send(chat, "hello");
  net.run_for(3s);
  REQUIRE(net.settle());
  CHECK(bob.texts(chat) == Texts{"hello"});
  CHECK(person(bob, alice).profile == alices());
  CHECK(person(alice, bob).profile == Profile{});

  show(alice, {"Alice B.", "", {}, ""});
  alice.send(chat, "I have a new name");
  net.run_for(3s);
  REQUIRE(net.settle());
  CHECK(person(bob, alice).profile == Profile{"Alice B.", "", {}, ""});

  SECTION("what a profile cannot hold is refused") {
    show(alice, {std::string(wire::limits::profile_name_bytes + 1, 'a'), "", {}, ""});
    show(alice, {"\xff", "", {}, ""});
    show(alice, {"", "", std::vector<std::uint8_t>(wire::limits::avatar_bytes + 1), ""});
    REQUIRE(net.settle());
    REQUIRE(alice.changes.size() == 5);
    for (std::size_t i = 2; i < 5; ++i) CHECK(alice.changes[i].code() == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("A profile that was set offline, and one whose answers are lost, get there") {
  TestNet net(2);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  alice.go_offline();
  show(alice, alices());
  net.run_for(1s);
  alice.restart();
  int lost = 0;
  net.to_client = [&](wire::Envelope& envelope) {
    // The answer to the first setProfile, and the first profile.
    const bool loses = lost == 0 ? envelope.has_response() && envelope.response().result_case() == 0
                                 : lost == 1 && envelope.response().has_profile();
    if (!loses) return true;
    ++lost;
    return false;
  };
  alice.go_online();
  alice.send(chat, "hello");
  net.run_for(200s);
  REQUIRE(net.settle());
  CHECK(lost == 2);
  CHECK(person(bob, alice).profile == alices());
}

TEST_CASE("Who was not known before makes a request, which is accepted, declined, or answered by writing") {
  TestNet net(3);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "hello");
  REQUIRE(net.settle());
  CHECK(alice.chat(chat).request == ChatRequest::none);
  CHECK(bob.chat(chat).request == ChatRequest::pending);
  CHECK(bob.chat(chat).invited_by == alice.user);
  CHECK(bob.texts(chat) == Texts{"hello"});

  SECTION("accepted") {
    bob.command(client::AnswerRequestCommand{chat, RequestAnswer::accept, {}});
    REQUIRE(net.settle());
    CHECK(bob.chat(chat).request == ChatRequest::none);
    CHECK(person(bob, alice).known);
    SECTION("whoever is known makes no request again") {
      const auto group = alice.group({&bob}, "more");
      REQUIRE(net.settle());
      CHECK(bob.chat(group).request == ChatRequest::none);
    }
  }
  SECTION("written in") {
    bob.send(chat, "who is this?");
    REQUIRE(net.settle());
    CHECK(bob.chat(chat).request == ChatRequest::none);
    CHECK(person(bob, alice).known);
    CHECK(alice.texts(chat) == Texts{"hello", "who is this?"});
  }
  SECTION("declined, what comes is dropped; accepted after all, what comes then is there") {
    bob.command(client::AnswerRequestCommand{chat, RequestAnswer::decline, {}});
    REQUIRE(net.settle());
    alice.send(chat, "are you there?");
    REQUIRE(net.settle());
    CHECK(bob.texts(chat) == Texts{"hello"});
    CHECK(bob.chat(chat).request == ChatRequest::declined);
    bob.command(client::AnswerRequestCommand{chat, RequestAnswer::accept, {}});
    REQUIRE(net.settle());
    alice.send(chat, "now?");
    REQUIRE(net.settle());
    CHECK(bob.texts(chat) == Texts{"hello", "now?"});
    CHECK(bob.count(MessageKind::placeholder, chat) == 0);
  }
}

TEST_CASE("Who is blocked is not heard, and begins nothing") {
  TestNet net(4);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto chat = alice.direct_chat(bob);
  const auto group = carol.group({&alice, &bob}, "friends");
  show(bob, alices());
  REQUIRE(net.settle());
  bob.command(client::AnswerRequestCommand{chat, RequestAnswer::accept, {}});
  bob.send(chat, "hello");
  REQUIRE(net.settle());
  const auto key_before = must(client::SelfTable(*bob.db).load()).profile_key->clone();

  block(bob, alice);
  net.run_for(2s);
  REQUIRE(net.settle());
  CHECK(person(bob, alice).blocked);
  CHECK(must(client::PersonTable(*bob.db).blocked()) == std::vector<UserId>{alice.user});
  const auto written = alice.send(chat, "can you hear me?");
  alice.send(group, "can anybody hear me?");
  net.run_for(5s);
  REQUIRE(net.settle());
  CHECK(bob.texts(chat) == Texts{"hello"});
  CHECK(bob.texts(group) == Texts{"can anybody hear me?"});
  // Nor does she learn that it arrived.
  CHECK(alice.message(chat, written).state == MessageState::sent);

  SECTION("no new group with bob in it") {
    const auto another = alice.group({&bob}, "please");
    REQUIRE(net.settle());
    CHECK(alice.chat(another).status == ChatStatus::failed);
    const auto third = alice.group({&carol}, "us");
    REQUIRE(net.settle());
    alice.change(third, client::ChangeKind::add, bob.user);
    REQUIRE(net.settle());
    CHECK(alice.changes.back().code() == ErrorCode::BLOCKED);
    CHECK(alice.chat(third).status == ChatStatus::active);
  }
  SECTION("nothing can be written to her, either") {
    Message message;
    message.chat = chat;
    message.id = random_id<ClientMessageId>(net.random);
    message.text = "no";
    std::optional<Result<void>> done;
    bob.command(client::SendCommand{message, {}, [&](Result<void> result) { done = std::move(result); }});
    REQUIRE(net.settle());
    REQUIRE(done.has_value());
    CHECK(done->code() == ErrorCode::BLOCKED);
  }
  SECTION("his profile has a new key, which a group with her in it is not told") {
    const auto key_after = must(client::SelfTable(*bob.db).load()).profile_key->clone();
    CHECK_FALSE(equal(key_before.view(), key_after.view()));
    show(bob, {"Bob in hiding", "", {}, ""});
    bob.send(group, "hello all");
    net.run_for(3s);
    REQUIRE(net.settle());
    CHECK(person(alice, bob).profile == alices());
    CHECK(person(carol, bob).profile == Profile{});
  }
  SECTION("unblocked, she is heard again") {
    block(bob, alice, false);
    net.run_for(2s);
    REQUIRE(net.settle());
    alice.send(chat, "and now?");
    net.run_for(2s);
    REQUIRE(net.settle());
    CHECK(bob.texts(chat) == Texts{"hello", "and now?"});
    CHECK(alice.message(chat, written).state == MessageState::delivered);
  }
  SECTION("all of it survives a restart of everybody") {
    bob.restart();
    net.restart_relay();
    alice.send(chat, "still?");
    REQUIRE(net.settle());
    CHECK(bob.texts(chat) == Texts{"hello"});
  }
}

TEST_CASE("Nobody blocks itself") {
  TestNet net(5);
  auto& alice = net.add("alice");
  block(alice, alice);
  REQUIRE(net.settle());
  REQUIRE(alice.changes.size() == 1);
  CHECK(alice.changes[0].code() == ErrorCode::INVALID_ARGUMENT);
}
