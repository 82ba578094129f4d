// Acks: of a busy device few frames, and never of what could still be lost.
#include "client/acks.h"

#include "unit/client/line.h"
#include "unit/client/wiretap.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::milliseconds;
using Cursors = std::map<ChatId, std::uint64_t>;

namespace {

constexpr auto interval = wire::limits::ack_interval;

Cursors cursors_of(const wire::Envelope& envelope) {
  REQUIRE(envelope.id() == 0);
  Cursors out;
  for (const auto& cursor : envelope.request().ack().cursors()) {
    out[id_from<ChatId>(wire::view(cursor.chat_id())).value()] = cursor.seq();
  }
  return out;
}

/// A device that is online, with two chats of which it has the first entry.
struct Reader : Line {
  Reader() {
    go_online();
    for (const auto& chat : {a, b}) {
      ChatRow row;
      row.id = chat;
      row.status = ChatStatus::active;
      row.cursor = row.handshake_seq = row.joined_seq = 1;
      must(ChatTable(*db).insert(row));
    }
    now += interval;
  }
  /// The next `count` entries of a chat, each of about so many bytes.
  FrameReceived entries(const ChatId& chat, std::size_t count = 1, std::size_t bytes = 0) {
    const auto from = cursor(chat) + 1;
    return push([&](wire::Push& p) {
      p.mutable_entries()->set_chat_id(to_string_bytes(chat));
      for (std::size_t i = 0; i < count; ++i) {
        auto& entry = *p.mutable_entries()->add_entries();
        entry.set_seq(from + i);
        entry.set_message_id(std::string(16, 'm'));
        entry.set_sender_user(std::string(16, 'u'));
        entry.set_sender_device(std::string(16, 'd'));
        // Nobody could open it, so it leaves a placeholder.
        if (bytes > 0) entry.set_message(std::string(bytes, 'x'));
      }
    });
  }
  /// Says of both chats that their acks did not come, as a new connection does.
  FrameReceived heads_of_both(std::uint64_t acked) {
    return push([&](wire::Push& p) {
      for (const auto& chat : {a, b}) {
        auto& head = *p.mutable_heads()->add_heads();
        head.set_chat_id(to_string_bytes(chat));
        head.set_head(cursor(chat));
        head.set_acked_seq(acked);
      }
      p.mutable_heads()->set_last(true);
    });
  }
  /// Up to having authenticated; then the relay tells the heads.
  void connect_again(std::uint64_t acked) {
    authenticate();
    CHECK(request().request().authenticate().ack_no() == account()->ack_no);
    accept_authentication();
    step(heads_of_both(acked));
  }
  /// An ack leaves, so that those of the next 100 ms wait.
  void ack_once() {
    step(entries(a));
    REQUIRE(acked() == Cursors{{a, cursor(a)}});
  }
  /// What the last step acknowledged.
  [[nodiscard]] Cursors acked() const {
    Cursors out;
    for (const auto& envelope : sent) {
      if (!envelope.request().has_ack()) continue;
      REQUIRE(out.empty());
      out = cursors_of(envelope);
    }
    return out;
  }
  std::uint64_t cursor(const ChatId& chat) { return must(ChatTable(*db).find(chat))->cursor; }
  std::int64_t changes() { return *must(db->one<std::int64_t>("SELECT total_changes()")); }

  ChatId a = id_of<ChatId>(1);
  ChatId b = id_of<ChatId>(2);
};

}  // namespace

TEST_CASE("What comes alone is acknowledged at once") {
  Reader reader;
  for (std::uint64_t seq = 2; seq < 5; ++seq) {
    reader.step(reader.entries(reader.a));
    CHECK(reader.acked() == Cursors{{reader.a, seq}});
    CHECK(reader.request().request().ack().ack_no() == reader.account()->ack_no);
    reader.step_after(interval);
    CHECK(reader.sent.empty());
  }
}

TEST_CASE("What comes close behind an ack is acknowledged in one frame, 100 ms after that") {
  Reader reader;
  reader.ack_once();
  const auto due = reader.now + interval;
  const auto before = reader.account()->ack_no;
  for (const auto& chat : {reader.a, reader.b, reader.a}) {
    reader.now += milliseconds(10);
    reader.step(reader.entries(chat));
    CHECK(reader.sent.empty());
    CHECK(reader.timer == due);
  }
  reader.step_after(due - reader.now - milliseconds(1));
  CHECK(reader.sent.empty());
  // The number has been on disk since the last of them: what leaves later writes nothing.
  CHECK(reader.account()->ack_no == before + 3);
  const auto changes = reader.changes();
  reader.step_after(milliseconds(1));
  CHECK(reader.acked() == Cursors{{reader.a, 4}, {reader.b, 2}});
  CHECK(reader.request().request().ack().ack_no() == before + 3);
  CHECK(reader.changes() == changes);
  // And again it is 100 ms until the next.
  reader.step(reader.entries(reader.a));
  CHECK(reader.sent.empty());
  CHECK(reader.timer == reader.now + interval);
}

TEST_CASE("What leaves anyway takes the acks that wait along, behind it") {
  Reader reader;
  reader.ack_once();
  reader.step(reader.entries(reader.a), reader.entries(reader.b));
  REQUIRE(reader.sent.empty());
  reader.step(reader.search("bob"));
  REQUIRE(reader.sent.size() == 2);
  CHECK(reader.sent[0].request().has_find_user());
  CHECK(reader.acked() == Cursors{{reader.a, 3}, {reader.b, 2}});
}

TEST_CASE("64 entries, or 64 KiB of them, are acknowledged at once: the relay's window must not fill") {
  Reader reader;
  reader.ack_once();
  SECTION("entries of several chats") {
    reader.step(reader.entries(reader.a, 40));
    reader.step(reader.entries(reader.b, 23));
    CHECK(reader.sent.empty());
    reader.step(reader.entries(reader.b));
    CHECK(reader.acked() == Cursors{{reader.a, 42}, {reader.b, 25}});
  }
  SECTION("bytes") {
    reader.step(reader.entries(reader.a, 1, 50 * 1024));
    CHECK(reader.sent.empty());
    reader.step(reader.entries(reader.b, 1, 14 * 1024));
    CHECK(reader.acked() == Cursors{{reader.a, 3}, {reader.b, 2}});
  }
  SECTION("entries that it had already, for they fill the window as well") {
    const auto again = reader.entries(reader.a, 63);
    reader.step(FrameReceived(again));
    CHECK(reader.sent.empty());
    reader.step(FrameReceived(again));
    CHECK(reader.acked() == Cursors{{reader.a, 65}});
  }
  // What was acknowledged counts no more.
  reader.step(reader.entries(reader.a, 63));
  CHECK(reader.sent.empty());
}

TEST_CASE("Whoever disconnects or closes says what it has before") {
  Reader reader;
  reader.ack_once();
  reader.step(reader.entries(reader.a), reader.entries(reader.b));
  REQUIRE(reader.sent.empty());
  Cursors both{{reader.a, 3}, {reader.b, 2}};
  SECTION("by disconnecting") {
    SECTION("") { reader.step(DisconnectCommand{}); }
    SECTION("in the step that stores more") {
      reader.step(reader.entries(reader.b), DisconnectCommand{});
      both[reader.b] = 3;
    }
    SECTION("to connect again") {
      reader.step(DisconnectCommand{}, ConnectCommand{});
      CHECK(reader.network == NetworkAction::connect);
    }
    if (reader.network != NetworkAction::connect) CHECK(reader.network == NetworkAction::close);
    CHECK(reader.sent.empty());
  }
  SECTION("by closing") { reader.take(reader.engine->close()); }
  REQUIRE(reader.farewell.size() == 1);
  CHECK(cursors_of(reader.farewell[0]) == both);
  CHECK(reader.farewell[0].request().ack().ack_no() == reader.account()->ack_no);
}

TEST_CASE("Whoever has nothing to acknowledge says no farewell") {
  Reader reader;
  reader.ack_once();
  SECTION("by disconnecting") { reader.step(DisconnectCommand{}); }
  SECTION("by closing") { reader.take(reader.engine->close()); }
  CHECK(reader.farewell.empty());
}

TEST_CASE("Whoever logs out says what it has first") {
  Reader reader;
  reader.ack_once();
  reader.step(reader.entries(reader.b));
  REQUIRE(reader.sent.empty());
  const auto data = GENERATE(LogOutData::keep, LogOutData::erase);
  reader.step(LogOutCommand{data, {}});
  REQUIRE(reader.sent.size() == 2);
  CHECK(reader.acked() == Cursors{{reader.b, 2}});
  CHECK(reader.sent[1].request().has_log_out());

  // What comes until the relay has answered, or does not answer.
  reader.step(reader.entries(reader.b));
  reader.now += std::chrono::seconds(30);
  reader.step(reader.entries(reader.a));
  CHECK(reader.network == NetworkAction::close);
  REQUIRE(reader.farewell.size() == 1);
  CHECK(cursors_of(reader.farewell[0]) == Cursors{{reader.a, 3}, {reader.b, 3}});
  reader.step_after(interval);
  CHECK(reader.sent.empty());
}

TEST_CASE("Acks that wait are dropped with their connection, and the relay asks for them") {
  Reader reader;
  reader.ack_once();
  reader.step(reader.entries(reader.a), reader.entries(reader.b));
  reader.step(ConnectionLost{Error(ErrorCode::UNAVAILABLE)});
  CHECK(reader.farewell.empty());
  CHECK(reader.timer > reader.now + interval);
  reader.step_after(std::chrono::minutes(1));
  reader.connect_again(1);
  CHECK(reader.acked() == Cursors{{reader.a, 3}, {reader.b, 2}});
}

TEST_CASE("A step that is undone acknowledges nothing, and loses nothing that was stored before") {
  Reader reader;
  reader.ack_once();
  reader.step(reader.entries(reader.a));
  must(reader.db->run("CREATE TABLE full(id INTEGER PRIMARY KEY REFERENCES none(id) DEFERRABLE INITIALLY DEFERRED)"));
  must(reader.db->run("CREATE TABLE none(id INTEGER PRIMARY KEY)"));
  must(reader.db->run("CREATE TRIGGER fail AFTER UPDATE ON account BEGIN INSERT INTO full VALUES(1); END"));
  const auto next = reader.entries(reader.b);
  const auto ack_no = reader.account()->ack_no;
  SECTION("when it is late") { reader.now += interval; }
  SECTION("when it ends the connection") {}
  reader.step(FrameReceived(next), DisconnectCommand{});
  CHECK(reader.sent.empty());
  CHECK(reader.farewell.empty());
  CHECK(reader.network == NetworkAction::close);
  CHECK(reader.cursor(reader.b) == 1);
  CHECK(reader.account()->ack_no == ack_no);
  must(reader.engine->compare_with_store());

  must(reader.db->run("DROP TRIGGER fail"));
  reader.step(ConnectCommand{});
  reader.connect_again(1);
  CHECK(reader.acked() == Cursors{{reader.a, 3}});
  reader.step(FrameReceived(next));
  reader.step_after(interval);
  CHECK(reader.acked() == Cursors{{reader.b, 2}});
}

TEST_CASE("A clock that is set back keeps no ack waiting longer") {
  Reader reader;
  reader.ack_once();
  reader.now += milliseconds(30);
  reader.step(reader.entries(reader.a));
  reader.now -= std::chrono::hours(5);
  reader.step(TimerDue{});
  CHECK(reader.sent.empty());
  // How long that took, nobody knows.
  CHECK(reader.timer == reader.now + interval - milliseconds(30));
  reader.step_after(milliseconds(70));
  CHECK(reader.acked() == Cursors{{reader.a, 3}});
}

namespace {

/// Alice writes to Bob what he acknowledges later.
struct Burst {
  Burst() {
    REQUIRE(net.settle());
    alice.send(chat, "0");
    REQUIRE(net.settle());
    for (int i = 1; i <= messages; ++i) alice.send(chat, std::to_string(i));
    REQUIRE(net.run_until([&] { return shown() == 1 + messages; }));
  }
  [[nodiscard]] int shown() const {
    return static_cast<int>(std::ranges::count_if(bob.events, [](const Event& event) {
      const auto* added = std::get_if<MessageAdded>(&event);
      return added != nullptr && added->message.kind == MessageKind::text;
    }));
  }
  /// How many entries of the chat the relay still has.
  std::size_t stored() {
    std::optional<std::size_t> out;
    net.backend->read(chat, 1, 1000, 1 << 30, [&](const auto& records) { out = must(records).size(); });
    net.backend->run();
    return out.value();
  }
  void all_is_well() {
    REQUIRE(net.settle());
    CHECK(shown() == 1 + messages);
    CHECK(bob.texts(chat).size() == 1 + messages);
    CHECK(alice.history(chat).back().state == MessageState::delivered);
    CHECK(stored() == 0);
  }

  static constexpr int messages = 5;
  TestNet net{5};
  TestDevice& alice = net.add("alice");
  TestDevice& bob = net.add("bob");
  ChatId chat = alice.direct_chat(bob);
};

}  // namespace

TEST_CASE("A burst is acknowledged in few frames") {
  Burst burst;
  burst.net.run_for(std::chrono::seconds(1));
  Wiretap tap(burst.net);
  for (int i = 0; i < 20; ++i) {
    burst.alice.send(burst.chat, "more");
    burst.net.run_for(milliseconds(20));
  }
  burst.net.run_for(std::chrono::seconds(1));
  CHECK(tap.requests[wire::Request::kSendMessage] == 20);
  // 400 ms: of Bob 5 or 6; Alice's leave with her messages.
  CHECK(tap.requests[wire::Request::kAck] <= 20 + 6);
  CHECK(burst.stored() == 0);
}

TEST_CASE("A process that dies with acks that wait gets the entries again and shows none twice") {
  Burst burst;
  std::size_t again = 0;
  burst.net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.push().has_entries()) again += static_cast<std::size_t>(envelope.push().entries().entries_size());
    return true;
  };
  burst.bob.restart();
  burst.all_is_well();
  CHECK(again > 0);
}

TEST_CASE("A device that ends in good order leaves nothing at the relay of what it has") {
  Burst burst;
  REQUIRE(burst.stored() > 0);
  SECTION("by closing") { burst.bob.close(); }
  SECTION("by disconnecting") { burst.bob.command(DisconnectCommand{}); }
  SECTION("by logging out") { burst.bob.command(LogOutCommand{}); }
  burst.net.run_for(std::chrono::seconds(3));
  CHECK(burst.bob.connection == ConnectionState::offline);
  CHECK(burst.stored() == 0);
  CHECK(burst.alice.history(burst.chat).back().state == MessageState::delivered);
}
