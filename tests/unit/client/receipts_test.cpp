// What was read: unread counts, read marks, and how others see them; over the real relay core.
#include "support/catch.h"
#include "support/must.h"
#include "support/testnet.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

void mark_read(TestDevice& device, const ChatId& chat, std::optional<ClientMessageId> up_to = {}) {
  device.command(
      client::MarkReadCommand{chat, up_to, [&device](Result<void> done) { device.changes.push_back(done); }});
}

void accept(TestDevice& device, const ChatId& chat) {
  device.command(client::AnswerRequestCommand{chat, RequestAnswer::accept, {}});
}

struct Pair {
  explicit Pair(std::uint64_t seed) : net(seed), alice(net.add("alice")), bob(net.add("bob")) {
    chat = alice.direct_chat(bob);
    REQUIRE(net.settle());
    accept(bob, chat);
    REQUIRE(net.settle());
  }
  [[nodiscard]] MessageState state(const ClientMessageId& id) { return alice.message(chat, id).state; }
  bool settle_marks() {
    net.run_for(5s);
    return net.settle();
  }
  TestNet net;
  TestDevice& alice;
  TestDevice& bob;
  ChatId chat;
};

template <typename What>
std::size_t events_of(const TestDevice& device) {
  return static_cast<std::size_t>(
      std::ranges::count_if(device.events, [](const Event& event) { return std::holds_alternative<What>(event); }));
}

}  // namespace

TEST_CASE("Messages of others are unread until they are marked, and then shown as read to their sender") {
  Pair p(1);
  const auto first = p.alice.send(p.chat, "1");
  const auto second = p.alice.send(p.chat, "2");
  const auto third = p.alice.send(p.chat, "3");
  REQUIRE(p.settle_marks());
  CHECK(p.bob.chat(p.chat).unread == 3);
  CHECK(p.alice.chat(p.chat).unread == 0);
  CHECK(p.state(third) == MessageState::delivered);

  mark_read(p.bob, p.chat, second);
  REQUIRE(p.settle_marks());
  CHECK(p.bob.chat(p.chat).unread == 1);
  CHECK(p.state(first) == MessageState::read);
  CHECK(p.state(second) == MessageState::read);
  CHECK(p.state(third) == MessageState::delivered);
  CHECK(events_of<ReceiptsChanged>(p.alice) > 0);

  SECTION("a mark never goes back") {
    mark_read(p.bob, p.chat, first);
    REQUIRE(p.settle_marks());
    CHECK(p.bob.chat(p.chat).unread == 1);
  }
  SECTION("without a message, everything is marked, and what comes later counts anew") {
    mark_read(p.bob, p.chat);
    REQUIRE(p.settle_marks());
    CHECK(p.bob.chat(p.chat).unread == 0);
    CHECK(p.state(third) == MessageState::read);
    p.alice.send(p.chat, "4");
    REQUIRE(p.settle_marks());
    CHECK(p.bob.chat(p.chat).unread == 1);
  }
  SECTION("what is not there cannot be marked") {
    mark_read(p.bob, p.chat, ClientMessageId{});
    p.bob.command(client::MarkReadCommand{
        wire::random_group_id(p.net.random), {}, [&](Result<void> done) { p.bob.changes.push_back(done); }});
    REQUIRE(p.settle_marks());
    REQUIRE(p.bob.changes.size() == 3);
    CHECK(p.bob.changes[1].code() == ErrorCode::NOT_FOUND);
    CHECK(p.bob.changes[2].code() == ErrorCode::NOT_FOUND);
  }
}

TEST_CASE("A mark made offline is told after a restart, and reaches who was away") {
  Pair p(2);
  const auto id = p.alice.send(p.chat, "1");
  REQUIRE(p.settle_marks());
  p.bob.go_offline();
  mark_read(p.bob, p.chat);
  p.net.run_for(2s);
  CHECK(p.bob.chat(p.chat).unread == 0);
  p.bob.restart();
  p.alice.go_offline();
  p.bob.go_online();
  p.net.run_for(10s);
  CHECK(p.state(id) == MessageState::delivered);
  p.alice.go_online();
  REQUIRE(p.settle_marks());
  CHECK(p.state(id) == MessageState::read);
}

TEST_CASE("A mark sealed some epochs ago still counts") {
  Pair p(3);
  const auto id = p.alice.send(p.chat, "1");
  REQUIRE(p.settle_marks());
  p.alice.go_offline();
  mark_read(p.bob, p.chat);
  p.net.run_for(5s);
  for (int i = 0; i < 8; ++i) {
    p.bob.change(p.chat, client::ChangeKind::refresh);
    p.net.run_for(61s);
  }
  p.alice.go_online();
  REQUIRE(p.settle_marks());
  CHECK(p.alice.epoch_authenticator(p.chat) == p.bob.epoch_authenticator(p.chat));
  CHECK(p.state(id) == MessageState::read);
}

TEST_CASE("A mark that comes before the commits that it was sealed after counts when they are there") {
  Pair p(8);
  const auto id = p.alice.send(p.chat, "1");
  REQUIRE(p.settle_marks());
  p.alice.go_offline();
  p.bob.change(p.chat, client::ChangeKind::refresh);
  p.net.run_for(5s);
  mark_read(p.bob, p.chat);
  p.net.run_for(5s);
  // Alice hears of the mark, and loses the connection before the commit.
  int marks = 0;
  p.net.to_client = [&](wire::Envelope& envelope) {
    marks += envelope.push().has_read_mark();
    return !envelope.push().has_entries();
  };
  p.alice.go_online();
  p.net.run_for(5s);
  REQUIRE(marks == 1);
  CHECK(p.state(id) == MessageState::delivered);
  p.alice.restart();
  p.net.to_client = nullptr;
  p.net.run_for(30s);
  REQUIRE(p.settle_marks());
  CHECK(p.state(id) == MessageState::read);
}

TEST_CASE("In a group a message is read when all have read it, and each is shown") {
  TestNet net(4);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  auto& dave = net.add("dave");
  const auto chat = alice.group({&bob, &carol}, "friends");
  REQUIRE(net.settle());
  for (auto* device : {&bob, &carol}) accept(*device, chat);
  const auto id = alice.send(chat, "1");
  REQUIRE(net.settle());
  mark_read(bob, chat);
  net.run_for(5s);
  REQUIRE(net.settle());
  CHECK(alice.message(chat, id).state == MessageState::delivered);
  const auto reached = must(client::ChatTable(*alice.db).reached_by_each_but(chat, alice.user));
  REQUIRE(reached.size() == 2);
  for (const auto& [user, how_far] : reached) CHECK((how_far.read > 1) == (user == bob.user));

  SECTION("who joins later has no say about what came before") {
    alice.change(chat, client::ChangeKind::add, dave.user);
    REQUIRE(net.settle());
    mark_read(carol, chat);
    net.run_for(5s);
    REQUIRE(net.settle());
    CHECK(alice.message(chat, id).state == MessageState::read);
  }
}

TEST_CASE("Who does not tell what was read is not told either") {
  Pair p(5);
  SECTION("the reader") { p.bob.command(client::PrivacyCommand{{true, true, false}, {}}); }
  SECTION("the sender") { p.alice.command(client::PrivacyCommand{{true, true, false}, {}}); }
  const auto id = p.alice.send(p.chat, "1");
  REQUIRE(p.settle_marks());
  mark_read(p.bob, p.chat);
  REQUIRE(p.settle_marks());
  CHECK(p.bob.chat(p.chat).unread == 0);
  CHECK(p.state(id) == MessageState::delivered);
  // Nor later what was read then.
  p.bob.command(client::PrivacyCommand{{}, {}});
  p.alice.command(client::PrivacyCommand{{}, {}});
  p.net.cut(p.bob);
  REQUIRE(p.settle_marks());
  CHECK(must(client::ChatTable(*p.bob.db).with_untold_mark()).empty());
}

TEST_CASE("A relay that makes up, changes or repeats read marks convinces nobody") {
  Pair p(6);
  const auto first = p.alice.send(p.chat, "1");
  const auto second = p.alice.send(p.chat, "2");
  REQUIRE(p.settle_marks());
  int marks = 0;
  SECTION("one byte changed") {
    p.net.to_client = [&](wire::Envelope& envelope) {
      if (!envelope.push().has_read_mark()) return true;
      ++marks;
      auto& payload = *envelope.mutable_push()->mutable_read_mark()->mutable_payload();
      payload[payload.size() / 2] = static_cast<char>(payload[payload.size() / 2] ^ 1);
      return true;
    };
  }
  SECTION("said to be another's") {
    p.net.to_client = [&](wire::Envelope& envelope) {
      if (!envelope.push().has_read_mark()) return true;
      ++marks;
      envelope.mutable_push()->mutable_read_mark()->set_sender_user(to_string_bytes(p.alice.user));
      return true;
    };
  }
  SECTION("of another chat") {
    const auto group = p.alice.group({&p.bob}, "two");
    REQUIRE(p.net.settle());
    p.net.to_client = [&, group](wire::Envelope& envelope) {
      if (!envelope.push().has_read_mark()) return true;
      ++marks;
      envelope.mutable_push()->mutable_read_mark()->set_chat_id(to_string_bytes(group));
      return true;
    };
  }
  SECTION("made larger than marks are, by a field that nobody knows") {
    p.net.to_client = [&](wire::Envelope& envelope) {
      if (!envelope.push().has_read_mark()) return true;
      ++marks;
      auto& payload = *envelope.mutable_push()->mutable_read_mark()->mutable_payload();
      payload.append("\x7a\xff\x08").append(1151, 'x');
      return true;
    };
  }
  mark_read(p.bob, p.chat);
  REQUIRE(p.settle_marks());
  CHECK(marks == 1);
  CHECK(p.state(first) == MessageState::delivered);
  CHECK(p.state(second) == MessageState::delivered);
}

TEST_CASE("The relay's disk keeps one mark a reader, and none of who left") {
  TestNet net(7);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto chat = alice.group({&bob, &carol}, "friends");
  REQUIRE(net.settle());
  for (auto* device : {&bob, &carol}) accept(*device, chat);
  const auto marks = [&] {
    std::size_t count = 0;
    net.backend->scan({'c'}, {}, 1000, [&](const Result<std::vector<relay::Record>>& found) {
      for (const auto& record : must(found)) count += record.key.size() == 33;
    });
    net.backend->run();
    return count;
  };
  for (int i = 0; i < 3; ++i) {
    alice.send(chat, "hello");
    REQUIRE(net.settle());
    mark_read(bob, chat);
    mark_read(carol, chat);
    net.run_for(5s);
  }
  CHECK(marks() == 2);
  alice.change(chat, client::ChangeKind::remove, bob.user);
  REQUIRE(net.settle());
  net.run_for(5s);
  CHECK(marks() == 1);
}
