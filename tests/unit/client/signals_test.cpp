// Who is writing and who is there; over the real relay core.
#include "support/catch.h"
#include "support/must.h"
#include "support/testnet.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

struct Pair {
  explicit Pair(std::uint64_t seed) : net(seed), alice(net.add("alice")), bob(net.add("bob")) {
    chat = alice.direct_chat(bob);
    REQUIRE(net.settle());
    bob.command(client::AnswerRequestCommand{chat, RequestAnswer::accept, {}});
    REQUIRE(net.settle());
  }
  TestNet net;
  TestDevice& alice;
  TestDevice& bob;
  ChatId chat;
};

/// What a device was last told, each time.
std::vector<bool> typing(const TestDevice& device) {
  std::vector<bool> out;
  for (const auto& event : device.events) {
    if (const auto* changed = std::get_if<TypingChanged>(&event)) out.push_back(changed->typing);
  }
  return out;
}
std::vector<bool> presence(const TestDevice& device) {
  std::vector<bool> out;
  for (const auto& event : device.events) {
    if (const auto* changed = std::get_if<PresenceChanged>(&event)) out.push_back(changed->available);
  }
  return out;
}
using Told = std::vector<bool>;

void type(TestDevice& device, const ChatId& chat, bool active = true) {
  device.command(client::TypingCommand{chat, active});
}
void available(TestDevice& device, bool here = true) { device.command(client::AvailableCommand{here}); }

/// Counts what the relay is asked to pass on.
std::size_t& count_ephemerals(TestNet& net) {
  static std::size_t count = 0;
  count = 0;
  net.rewrite = [](wire::Envelope& envelope) { count += envelope.request().has_send_ephemeral(); };
  return count;
}

}  // namespace

TEST_CASE("Others see who is writing, until it stops") {
  Pair p(1);
  const auto& told = count_ephemerals(p.net);
  type(p.alice, p.chat);
  p.net.run_for(500ms);
  CHECK(typing(p.bob) == Told{true});
  CHECK(typing(p.alice).empty());

  SECTION("when its writer says so") {
    type(p.alice, p.chat, false);
    p.net.run_for(500ms);
    CHECK(typing(p.bob) == Told{true, false});
  }
  SECTION("when nothing more is heard") {
    p.net.run_for(10s);
    CHECK(typing(p.bob) == Told{true, false});
  }
  SECTION("with the message") {
    p.alice.send(p.chat, "hello");
    p.net.run_for(2s);
    CHECK(typing(p.bob) == Told{true, false});
  }
  SECTION("not while it goes on, and it is told every few seconds only") {
    for (int i = 0; i < 40; ++i) {
      type(p.alice, p.chat);
      p.net.run_for(500ms);
    }
    CHECK(typing(p.bob) == Told{true});
    CHECK(told <= 6);
  }
}

TEST_CASE("Typing is not told offline, to strangers, to who is blocked, or when it is switched off") {
  Pair p(2);
  SECTION("offline") { p.alice.go_offline(); }
  SECTION("off at the writer") { p.alice.command(client::PrivacyCommand{{false, true, true}, {}}); }
  SECTION("off at the reader") { p.bob.command(client::PrivacyCommand{{false, true, true}, {}}); }
  SECTION("blocked by the writer") { p.alice.command(client::BlockCommand{p.bob.user, true, {}}); }
  SECTION("blocked by the reader") { p.bob.command(client::BlockCommand{p.alice.user, true, {}}); }
  p.net.run_for(2s);
  type(p.alice, p.chat);
  p.net.run_for(5s);
  CHECK(typing(p.bob).empty());
}

TEST_CASE("In a chat that is a request nothing is told of this user") {
  TestNet net(3);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  REQUIRE(bob.chat(chat).request == ChatRequest::pending);
  type(bob, chat);
  available(bob);
  available(alice);
  net.run_for(2s);
  CHECK(typing(alice).empty());
  CHECK(presence(alice).empty());
  bob.command(client::AnswerRequestCommand{chat, RequestAnswer::accept, {}});
  type(bob, chat);
  net.run_for(70s);
  CHECK(typing(alice) == Told{true, false});
  CHECK(presence(alice) == Told{true});
}

TEST_CASE("People in direct chats see who is there, and when they were last seen") {
  Pair p(4);
  available(p.alice);
  p.net.run_for(1s);
  CHECK(presence(p.bob) == Told{true});
  CHECK(presence(p.alice).empty());
  // Bob comes later, asks, and is answered.
  available(p.bob);
  p.net.run_for(1s);
  CHECK(presence(p.alice) == Told{true});

  SECTION("it lasts") {
    p.net.run_for(10min);
    CHECK(presence(p.bob) == Told{true});
    CHECK(presence(p.alice) == Told{true});
  }
  SECTION("who leaves is told to have left") {
    p.net.run_for(30s);
    const auto left = p.net.now;
    available(p.alice, false);
    p.net.run_for(1s);
    CHECK(presence(p.bob) == Told{true, false});
    const auto seen = must(client::PersonTable(*p.bob.db).find(p.alice.user)).last_seen;
    REQUIRE(seen.has_value());
    CHECK(*seen - left < 1s);
  }
  SECTION("who vanishes is gone after some minutes") {
    p.alice.go_offline();
    p.net.run_for(4min);
    CHECK(presence(p.bob) == Told{true, false});
  }
  SECTION("a reconnection is not a coming") {
    p.net.cut(p.alice);
    p.net.run_for(20s);
    CHECK(presence(p.bob) == Told{true});
  }
  SECTION("nobody is told who has switched it off") {
    p.alice.command(client::PrivacyCommand{{true, false, true}, {}});
    p.net.run_for(4min);
    CHECK(presence(p.bob) == Told{true, false});
  }
}

TEST_CASE("A relay that repeats a signal brings nobody back") {
  Pair p(5);
  std::vector<wire::Envelope> seen;
  p.net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.push().has_ephemeral()) seen.push_back(envelope);
    return true;
  };
  type(p.alice, p.chat);
  available(p.alice);
  p.net.run_for(500ms);
  REQUIRE(seen.size() == 2);
  available(p.alice, false);
  p.net.run_for(4min);
  REQUIRE(typing(p.bob) == Told{true, false});
  REQUIRE(presence(p.bob) == Told{true, false});
  // The next one that comes is replaced by an old one.
  std::size_t replaced = 0;
  p.net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.push().has_ephemeral()) envelope = seen.at(replaced++);
    return true;
  };
  type(p.alice, p.chat);
  p.net.run_for(5s);
  type(p.alice, p.chat);
  p.net.run_for(1s);
  CHECK(replaced == 2);
  CHECK(typing(p.bob) == Told{true, false});
  CHECK(presence(p.bob) == Told{true, false});
}
