// Own messages on their way: what is sent again, what is encrypted anew, and what fails.
#include "client/outbox.h"

#include "unit/client/wiretap.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

namespace {

struct Pair {
  explicit Pair(const relay::CoreConfig& config = {}) : net(1, config) {
    REQUIRE(net.settle());
    chat = alice.direct_chat(bob);
    REQUIRE(net.settle());
  }
  Message message(const ClientMessageId& id) {
    return must(client::MessageTable(*alice.db).find(chat, alice.user, id)).value();
  }
  client::ChatRow row(TestDevice& device) { return must(client::ChatTable(*device.db).find(chat)).value(); }

  TestNet net;
  TestDevice& alice = net.add("alice");
  TestDevice& bob = net.add("bob");
  ChatId chat;
  Wiretap tap{net};
};

}  // namespace

TEST_CASE("A message refused as stale is encrypted anew under its id and its number") {
  Pair p;
  std::map<ErrorCode, int> answers;
  count_answers(p.net, answers);
  // The first one names a handshake of long ago.
  p.tap.change_message = [&](wire::SendMessage& command, const SentMessage& sent) {
    if (sent.n == 1 && p.tap.sent_as(sent.id).size() == 1) command.set_after_handshake(0);
  };
  const auto first = p.alice.send(p.chat, "1");
  const auto second = p.alice.send(p.chat, "2");
  REQUIRE(p.net.settle());

  CHECK(answers[ErrorCode::STALE_EPOCH] == 1);
  CHECK(answers[ErrorCode::OUT_OF_ORDER] == 1);  // What follows a refused one is refused, too.
  for (const auto& id : {first, second}) {
    const auto sent = p.tap.sent_as(id);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].n == sent[1].n);
    CHECK(sent[0].bytes != sent[1].bytes);
  }
  CHECK(p.bob.texts(p.chat) == Texts{"1", "2"});
  CHECK(p.bob.count(MessageKind::placeholder, p.chat) == 0);
  CHECK(p.message(first).state == MessageState::delivered);
}

TEST_CASE("A relay that calls all stale, naming a handshake that it hides, is asked with growing pauses") {
  Pair p;
  p.bob.send(p.chat, "so that alice's log is longer than its last handshake");
  REQUIRE(p.net.settle());
  const auto row = p.row(p.alice);
  REQUIRE(row.cursor > row.handshake_seq);
  p.tap.change_message = [](wire::SendMessage& command, const SentMessage&) { command.set_after_handshake(0); };
  p.net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.response().handshake_seq() > 0) envelope.mutable_response()->set_handshake_seq(row.cursor);
    return true;
  };
  const auto id = p.alice.send(p.chat, "hello");
  p.net.run_for(seconds(60));
  const auto tries = p.tap.sent_as(id).size();
  CHECK(tries >= 3);
  CHECK(tries <= 60);
  CHECK(p.message(id).state == MessageState::sending);

  p.tap.change_message = nullptr;
  REQUIRE(p.net.settle());
  CHECK(p.bob.texts(p.chat).back() == "hello");
}

TEST_CASE("After a refusal that passes, the same bytes are sent again") {
  relay::CoreConfig config;
  config.messages = {3, 1};
  Pair p(config);
  std::map<ErrorCode, int> answers;
  count_answers(p.net, answers);
  Texts texts;
  std::vector<ClientMessageId> ids;
  for (int i = 0; i < 6; ++i) {
    texts.push_back(std::to_string(i));
    ids.push_back(p.alice.send(p.chat, texts.back()));
  }
  REQUIRE(p.net.settle());
  CHECK(answers[ErrorCode::RATE_LIMITED] > 0);
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto sent = p.tap.sent_as(ids[i]);
    if (sent.size() > 1) ++repeated;
    for (const auto& again : sent) {
      CHECK(again.n == i + 1);
      CHECK(again.bytes == sent[0].bytes);
    }
  }
  CHECK(repeated > 0);
  CHECK(p.bob.texts(p.chat) == texts);
}

TEST_CASE("A message refused for good fails alone, and those after it move down") {
  Pair p;
  const auto good = p.alice.send(p.chat, "good");
  const auto bad = p.alice.send(p.chat, "bad");
  const auto later = p.alice.send(p.chat, "later");
  const auto last = p.alice.send(p.chat, "last");
  p.tap.change_message = [&](wire::SendMessage& command, const SentMessage& sent) {
    if (sent.id == bad) command.mutable_message()->append(wire::limits::message_bytes, 'x');
  };
  REQUIRE(p.net.settle());

  CHECK(p.message(good).state == MessageState::delivered);
  CHECK(p.message(bad).state == MessageState::failed);
  CHECK(p.message(bad).problem.has_value());
  CHECK(p.message(later).state == MessageState::delivered);
  CHECK(p.message(last).state == MessageState::delivered);
  CHECK(p.bob.texts(p.chat) == Texts{"good", "later", "last"});
  CHECK(p.bob.count(MessageKind::placeholder, p.chat) == 0);
  CHECK(p.tap.sent_as(bad).size() == 1);
  CHECK(p.tap.sent_as(later).front().n == 3);
  CHECK(p.tap.sent_as(later).back().n == 2);
  CHECK(p.tap.sent_as(last).back().n == 3);
  CHECK(p.row(p.alice).next_n == 4);
}

TEST_CASE("What was written while the relay's disk was full leaves some seconds after it has space again") {
  Pair p;
  std::set<std::chrono::milliseconds> waits;
  for (int round = 0; round < 10; ++round) {
    p.net.disk->fail_all(ErrorCode::DISK_FULL);
    const auto id = p.alice.send(p.chat, "waits");
    const auto tries = p.tap.sent.size();
    p.net.run_for(std::chrono::minutes(20));
    CHECK(p.message(id).state == MessageState::sending);
    CHECK(p.tap.sent.size() - tries <= 1200);  // No sooner than the relay says, which is a second.
    p.net.disk->fail_all(std::nullopt);
    const auto since = p.net.now;
    REQUIRE(p.net.run_until([&] { return p.message(id).state >= MessageState::sent; }, std::chrono::seconds(6)));
    waits.insert(p.net.now - since);
  }
  CHECK(waits.size() > 5);  // Not all at the same moment.
}

TEST_CASE("What a lost connection left unanswered is sent again byte for byte") {
  Pair p;
  const auto id = p.alice.send(p.chat, "hello");
  REQUIRE(p.net.run_until([&] { return !p.tap.sent.empty(); }));
  SECTION("cut") { p.net.cut(p.alice); }
  SECTION("restarted") { p.alice.restart(); }
  SECTION("the relay restarted") { p.net.restart_relay(); }
  CHECK(p.message(id).state == MessageState::sending);
  REQUIRE(p.net.settle());
  const auto sent = p.tap.sent_as(id);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].bytes == sent[1].bytes);
  CHECK(p.bob.texts(p.chat) == Texts{"hello"});
}

TEST_CASE("What was accepted, but not answered, is not sent again: its stub tells") {
  Pair p;
  p.net.to_client = [&](wire::Envelope& envelope) {
    return !envelope.has_response() && !(envelope.has_push() && envelope.push().has_entries());
  };
  const auto id = p.alice.send(p.chat, "hello");
  p.net.run_for(seconds(1));
  CHECK(p.message(id).state == MessageState::sending);
  p.net.to_client = nullptr;
  p.net.cut(p.alice);
  p.net.cut(p.bob);
  REQUIRE(p.net.settle());
  CHECK(p.tap.sent_as(id).size() == 1);
  CHECK(p.message(id).state == MessageState::delivered);
  CHECK(p.bob.texts(p.chat) == Texts{"hello"});
}

TEST_CASE("At most 32 messages of a chat are in flight") {
  Pair p;
  p.net.to_client = [&](wire::Envelope& envelope) {
    return !envelope.has_response() && !(envelope.has_push() && envelope.push().has_entries());
  };
  Texts texts;
  for (int i = 0; i < 100; ++i) {
    texts.push_back(std::to_string(i));
    p.alice.send(p.chat, texts.back());
  }
  p.net.run_for(seconds(5));
  CHECK(p.tap.sent.size() == wire::limits::messages_in_flight);
  for (std::size_t i = 0; i < p.tap.sent.size(); ++i) CHECK(p.tap.sent[i].n == i + 1);
  p.net.to_client = nullptr;
  p.net.cut(p.alice);
  p.net.cut(p.bob);
  REQUIRE(p.net.settle());
  CHECK(p.bob.texts(p.chat) == texts);
}

TEST_CASE("Nothing is encrypted before the chat is drained to the head told at connect") {
  Pair p;
  p.bob.go_offline();
  for (int i = 0; i < 300; ++i) p.alice.send(p.chat, std::to_string(i));
  REQUIRE(p.net.settle());
  p.tap.sent.clear();
  const auto reply = p.bob.send(p.chat, "reply");

  SECTION("not before the relay told what is owed") {
    p.net.to_client = [](wire::Envelope& envelope) { return !(envelope.has_push() && envelope.push().has_heads()); };
    p.bob.go_online();
    p.net.run_for(seconds(20));
    CHECK(p.tap.sent.empty());
    CHECK_FALSE(must(client::OutboxTable(*p.bob.db).find(p.chat, reply))->ciphertext.has_value());
    p.net.to_client = nullptr;
    p.net.cut(p.bob);
  }
  SECTION("not before all of that is stored") {
    std::size_t stored = 0;
    p.tap.change_message = [&](wire::SendMessage&, const SentMessage&) { stored = p.bob.texts(p.chat).size(); };
    p.bob.go_online();
    REQUIRE(p.net.settle());
    CHECK(stored == 301);  // with the reply, which is there from the start
  }
  REQUIRE(p.net.settle());
  CHECK(p.alice.texts(p.chat).back() == "reply");
}

TEST_CASE("A number that the relay knows as another message's is left to that one") {
  Pair p;
  p.bob.go_offline();  // so the log keeps what was sent
  p.alice.send(p.chat, "1");
  p.alice.send(p.chat, "2");
  REQUIRE(p.net.settle());
  // As after a crash that lost a counter: the next message gets a number that was used.
  p.alice.go_offline();
  must(p.alice.db->run("UPDATE chat SET next_n = 1"));
  const auto third = p.alice.send(p.chat, "3");
  p.alice.go_online();
  REQUIRE(p.net.settle());
  p.bob.go_online();
  REQUIRE(p.net.settle());
  const auto sent = p.tap.sent_as(third);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].n == 1);
  CHECK(sent[1].n == 3);
  CHECK(p.bob.texts(p.chat) == Texts{"1", "2", "3"});
  CHECK(p.alice.texts(p.chat) == Texts{"1", "2", "3"});
}

TEST_CASE("What waits in a chat that one is removed from fails, visibly") {
  TestNet net(2);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.group({&bob}, "g");
  REQUIRE(net.settle());
  bob.go_offline();
  bob.send(chat, "too late");
  net.run_for(seconds(1));
  alice.change(chat, client::ChangeKind::remove, bob.user);
  net.run_for(seconds(5));
  CHECK(bob.history(chat).back().state == MessageState::queued);
  bob.go_online();
  REQUIRE(net.settle());
  const auto last = bob.history(chat).back();
  CHECK(last.state == MessageState::failed);
  CHECK(problem_of(last) == ErrorCode::REMOVED);
  CHECK(alice.texts(chat).empty());

  SECTION("and nothing more can be written") {
    std::optional<ErrorCode> code;
    Message message;
    message.chat = chat;
    message.id = id_of<ClientMessageId>(1);
    bob.command(client::SendCommand{message, {}, [&](Result<void> result) { code = result.code(); }});
    net.run_for(seconds(1));
    CHECK(code == ErrorCode::REMOVED);
  }
}

TEST_CASE("A message to a chat that is not there is refused at once") {
  TestNet net(3);
  auto& alice = net.add("alice");
  std::optional<ErrorCode> code;
  Message message;
  message.chat = id_of<ChatId>(9);
  message.id = id_of<ClientMessageId>(1);
  alice.command(client::SendCommand{message, {}, [&](Result<void> result) { code = result.code(); }});
  net.run_for(milliseconds(10));
  CHECK(code == ErrorCode::NOT_FOUND);
}
