// The event log: what is told is kept until it is released, and an answer is written with its release or not at all.
#include "client/event_log.h"

#include "client/schema.h"
#include "support/temp_dir.h"
#include "support/testnet.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

struct Logged {
  explicit Logged(std::size_t most = most_logged_events) {
    alice.event_log = {true, [this] { ++wakes; }, most};
    alice.restart();
    REQUIRE(net.settle());
    chat = bob.direct_chat(alice);
    REQUIRE(net.settle());
  }
  std::vector<LoggedEvent> events(EventCursor after = 0, std::size_t limit = 200) {
    return must(read_events(*alice.db, after, limit));
  }
  EventCursor last() { return must(EventTable(*alice.db).last()); }
  /// The texts of the messages that were added, by the log.
  std::vector<std::string> added(EventCursor after = 0) {
    std::vector<std::string> out;
    for (const auto& event : events(after)) {
      const auto* message = std::get_if<MessageAdded>(&event.what);
      if (message != nullptr && message->message.kind == MessageKind::text) out.push_back(message->message.text);
    }
    return out;
  }
  Result<void> release(EventCursor up_to) {
    std::optional<Result<void>> out;
    alice.command(ReleaseEventsCommand{up_to, [&](Result<void> result) { out = std::move(result); }});
    REQUIRE(net.run_until([&] { return out.has_value(); }));
    return *out;
  }
  Result<void> answer(const std::string& text, std::optional<EventCursor> releases, const ClientMessageId& id,
                      std::optional<ChatId> where = {}) {
    Message message;
    message.chat = where.value_or(chat);
    message.id = id;
    message.text = text;
    message.sent_at = net.now;
    std::optional<Result<void>> out;
    alice.command(SendCommand{message, {}, [&](Result<void> result) { out = std::move(result); }, releases});
    REQUIRE(net.run_until([&] { return out.has_value(); }));
    return *out;
  }

  TestNet net{1};
  TestDevice& alice = net.add("alice");
  TestDevice& bob = net.add("bob");
  ChatId chat;
  int wakes = 0;
};

bool is_lost(const LoggedEvent& event) { return std::holds_alternative<EventsLost>(event.what); }

}  // namespace

TEST_CASE("What an app is told of chats and messages is in the log, in the same order; the rest is not") {
  Logged l;
  l.alice.events.clear();
  const auto before = l.last();
  l.bob.send(l.chat, "1");
  l.bob.send(l.chat, "2");
  REQUIRE(l.net.settle());
  l.alice.send(l.chat, "3");
  REQUIRE(l.net.settle());

  const auto logged = l.events(before);
  std::size_t i = 0;
  for (const auto& event : l.alice.events) {
    const bool is_logged = std::holds_alternative<ChatChanged>(event) || std::holds_alternative<MessageAdded>(event) ||
                           std::holds_alternative<MessageChanged>(event);
    if (!is_logged) continue;
    REQUIRE(i < logged.size());
    CHECK(logged[i].cursor == before + static_cast<EventCursor>(i) + 1);
    CHECK(logged[i].what.index() == event.index());  // Both variants have ChatChanged at 1, and so on.
    if (const auto* added = std::get_if<MessageAdded>(&event)) {
      CHECK(std::get<MessageAdded>(logged[i].what).message.id == added->message.id);
    }
    ++i;
  }
  CHECK(i == logged.size());
  CHECK(l.added(before) == std::vector<std::string>{"1", "2", "3"});
  // A snapshot of now: the message was queued when it was added.
  for (const auto& event : logged) {
    const auto* added = std::get_if<MessageAdded>(&event.what);
    if (added != nullptr && added->message.text == "3") CHECK(added->message.state == MessageState::delivered);
  }
  CHECK(l.wakes > 0);
}

TEST_CASE("The log is read page by page, and not beyond its end") {
  Logged l;
  l.bob.send(l.chat, "hello");
  REQUIRE(l.net.settle());
  std::vector<EventCursor> one_by_one;
  for (EventCursor after = 0;;) {
    const auto page = l.events(after, 1);
    if (page.empty()) break;
    REQUIRE(page.size() == 1);
    one_by_one.push_back(after = page[0].cursor);
  }
  CHECK(one_by_one.size() == l.events().size());
  CHECK(one_by_one.back() == l.last());
  CHECK(read_events(*l.alice.db, l.last() + 1, 1).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(read_events(*l.alice.db, -1, 1).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("What was released never comes again; what was not, comes after a restart, too") {
  Logged l;
  l.bob.send(l.chat, "1");
  REQUIRE(l.net.settle());
  const auto first = l.last();
  REQUIRE(l.release(first).ok());
  CHECK(l.events().empty());
  l.alice.restart();
  l.bob.send(l.chat, "2");
  REQUIRE(l.net.settle());
  l.alice.restart();
  REQUIRE(l.net.settle());
  CHECK(l.added() == std::vector<std::string>{"2"});
  CHECK(l.events().front().cursor == first + 1);
  CHECK(l.release(l.last() + 1).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(l.release(-1).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(l.added() == std::vector<std::string>{"2"});
}

TEST_CASE("An answer and the release of what it answers are one transaction") {
  Logged l;
  l.bob.send(l.chat, "question");
  REQUIRE(l.net.settle());
  const auto asked = l.last();

  SECTION("both happen") {
    REQUIRE(l.answer("answer", asked, id_of<ClientMessageId>(1)).ok());
    CHECK(l.added() == std::vector<std::string>{"answer"});
    REQUIRE(l.net.settle());
    CHECK(l.bob.texts(l.chat) == std::vector<std::string>{"question", "answer"});
  }
  SECTION("or neither, where nothing can be written") {
    CHECK(l.answer("answer", asked, id_of<ClientMessageId>(1), id_of<ChatId>(9)).code() == ErrorCode::NOT_FOUND);
    CHECK(l.added() == std::vector<std::string>{"question"});
  }
  SECTION("or neither, where nothing can be released") {
    CHECK(l.answer("answer", asked + 100, id_of<ClientMessageId>(1)).code() == ErrorCode::INVALID_ARGUMENT);
    CHECK(l.added() == std::vector<std::string>{"question"});
    REQUIRE(l.net.settle());
    CHECK(l.bob.texts(l.chat) == std::vector<std::string>{"question"});
  }
}

TEST_CASE("A message that is sent again under its id stays one, the first") {
  Logged l;
  const auto id = id_of<ClientMessageId>(1);
  REQUIRE(l.answer("first", std::nullopt, id).ok());
  REQUIRE(l.answer("second", std::nullopt, id).ok());
  REQUIRE(l.net.settle());
  const auto seen = l.last();
  REQUIRE(l.answer("third", seen, id).ok());  // Its release counts all the same.
  CHECK(l.events().empty());
  REQUIRE(l.net.settle());
  CHECK(l.alice.texts(l.chat) == std::vector<std::string>{"first"});
  CHECK(l.bob.texts(l.chat) == std::vector<std::string>{"first"});
}

TEST_CASE("Of more events than the log keeps the oldest go, and the reader is told where") {
  Logged l(10);
  for (int i = 0; i < 20; ++i) l.bob.send(l.chat, std::to_string(i));
  REQUIRE(l.net.settle());
  const auto kept = l.events();
  REQUIRE(kept.size() == 10);
  CHECK(is_lost(kept.front()));
  for (std::size_t i = 1; i < kept.size(); ++i) CHECK_FALSE(is_lost(kept[i]));
  CHECK(kept.back().cursor == l.last());
  CHECK(must(l.alice.db->one<std::int64_t>("SELECT count(*) FROM event")) == 10);

  // Who keeps up is told of nothing lost.
  REQUIRE(l.release(l.last()).ok());
  for (int i = 0; i < 9; ++i) l.bob.send(l.chat, std::to_string(i));
  REQUIRE(l.net.settle());
  CHECK(l.events().size() == 9);
  CHECK_FALSE(is_lost(l.events().front()));
}

TEST_CASE("What happens while a store is used without its log is marked as lost, once") {
  Logged l;
  l.bob.send(l.chat, "1");
  REQUIRE(l.net.settle());
  const auto before = l.last();
  l.alice.event_log.on = false;
  l.alice.restart();
  l.bob.send(l.chat, "2");
  REQUIRE(l.net.settle());
  l.alice.restart();
  l.alice.event_log.on = true;
  l.alice.restart();
  l.bob.send(l.chat, "3");
  REQUIRE(l.net.settle());
  const auto logged = l.events(before);
  REQUIRE_FALSE(logged.empty());
  CHECK(is_lost(logged.front()));
  CHECK(std::ranges::count_if(logged, is_lost) == 1);
  CHECK(l.added() == std::vector<std::string>{"1", "3"});
}

TEST_CASE("A store that never had a log gets none") {
  TestNet net(1);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "hello");
  REQUIRE(net.settle());
  alice.restart();
  REQUIRE(net.settle());
  CHECK(must(EventTable(*alice.db).last()) == 0);
}

TEST_CASE("An event is about its sender's message, whoever else gave one the same id; what is damaged is called so") {
  const auto db = must(open_store(":memory:"));
  MessageTable messages(*db);
  EventTable events(*db);
  MessageRow row;
  row.message.chat = id_of<ChatId>(1);
  row.message.id = id_of<ClientMessageId>(1);
  row.message.kind = MessageKind::unknown;
  for (const auto sender : std::initializer_list<std::uint8_t>{1, 2}) {
    row.message.sender = id_of<UserId>(sender);
    row.message.position = sender;
    row.message.state = sender == 1 ? MessageState::sent : MessageState::received;
    must(messages.insert(row));
  }
  must(events.append(std::vector{*event_row(MessageAdded{row.message})}, 10));
  const auto read = must(read_events(*db, 0, 10));
  REQUIRE(read.size() == 1);
  CHECK(std::get<MessageAdded>(read[0].what).message.sender == id_of<UserId>(2));

  // What it is about is gone: passed over, not the end.
  row.message.id = id_of<ClientMessageId>(7);
  must(events.append(std::vector{*event_row(MessageAdded{row.message}), EventRow{}}, 10));
  const auto after = must(read_events(*db, 1, 1));
  REQUIRE(after.size() == 1);
  CHECK(after[0].cursor == 3);

  must(db->run("INSERT INTO event(kind, chat_id) VALUES(2, ?)", row.message.chat));
  CHECK(read_events(*db, 3, 10).code() == ErrorCode::CORRUPT);
  must(db->run("DELETE FROM event WHERE cursor = 4"));
  must(db->run("INSERT INTO event(kind, chat_id, sender_user, client_message_id) VALUES(9, ?, ?, ?)", row.message.chat,
               row.message.sender, id_of<ClientMessageId>(1)));
  CHECK(read_events(*db, 3, 10).code() == ErrorCode::CORRUPT);
}

TEST_CASE("A client that keeps no log has none to read, to release, or to release by sending") {
  TempDir dir;
  ClientConfig config;
  config.data_dir = dir.file("client");
  config.relay_url = "wss://localhost:1";
  config.connect_at_open = false;
  {
    auto client = must(Client::open(config));
    CHECK(client->events(0).code() == ErrorCode::INVALID_ARGUMENT);
  }
  config.keep_event_log = true;
  auto client = must(Client::open(config));
  CHECK(must(client->events(0)).empty());
  CHECK(client->events(0, 0).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client->events(0, 201).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client->events(1).code() == ErrorCode::INVALID_ARGUMENT);
}
