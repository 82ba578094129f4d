// Entries of chats: nothing is lost, nothing is repeated, nothing that is missing goes unnoticed.
#include "client/inbox.h"

#include "unit/client/crowd.h"
#include "unit/client/wiretap.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::test;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

namespace {

/// A direct chat, with a relay that may be told to spoil the entries it hands out.
struct Pair {
  Pair() {
    chat = alice.direct_chat(bob);
    REQUIRE(net.settle());
    net.to_client = [this](wire::Envelope& envelope) {
      if (!envelope.has_push()) return true;
      const auto hook = on_push;  // It may end itself.
      return !hook || hook(*envelope.mutable_push());
    };
  }
  /// Spoils the next push of entries that holds a message of somebody else, once.
  void spoil(const std::function<void(wire::Push&)>& how) {
    on_push = [this, how](wire::Push& push) {
      if (!push.has_entries() || !push.entries().entries(0).has_message()) return true;
      on_push = nullptr;
      ++spoilt;
      how(push);
      return true;
    };
  }
  std::vector<Message> placeholders() {
    auto out = bob.history(chat);
    std::erase_if(out, [](const Message& m) { return m.kind != MessageKind::placeholder; });
    return out;
  }
  std::uint64_t cursor() { return must(client::ChatTable(*bob.db).find(chat))->cursor; }
  int drops() {
    return static_cast<int>(std::ranges::count_if(bob.events, [](const Event& event) {
      const auto* changed = std::get_if<ConnectionChanged>(&event);
      return changed != nullptr && changed->state == ConnectionState::offline;
    }));
  }
  bool says_again(const std::string& text) {
    alice.send(chat, text);
    REQUIRE(net.settle());
    return bob.texts(chat).back() == text && bob.chat(chat).status == ChatStatus::active;
  }

  TestNet net{1};
  TestDevice& alice = net.add("alice");
  TestDevice& bob = net.add("bob");
  ChatId chat;
  std::function<bool(wire::Push&)> on_push;
  int spoilt = 0;
};

}  // namespace

TEST_CASE("An entry that comes twice is stored once and acknowledged again") {
  Pair p;
  Wiretap tap(p.net);
  p.spoil([](wire::Push& push) {
    auto& entries = *push.mutable_entries();
    const auto entry = entries.entries(0);
    *entries.add_entries() = entry;
    *entries.add_entries() = entry;
  });
  p.alice.send(p.chat, "hello");
  REQUIRE(p.net.settle());
  REQUIRE(p.spoilt == 1);
  CHECK(p.bob.texts(p.chat) == Texts{"hello"});
  CHECK(p.placeholders().empty());
  CHECK(p.drops() == 0);
  CHECK(tap.requests[wire::Request::kAck] >= 2);
  CHECK(p.alice.history(p.chat).back().state == MessageState::delivered);
}

TEST_CASE("What a relay may not say of a chat drops the connection and loses nothing") {
  Pair p;
  SECTION("a sender of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->mutable_entries(0)->set_sender_user("short"); });
  }
  SECTION("a device of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->mutable_entries(0)->set_sender_device(""); });
  }
  SECTION("a messageId of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->mutable_entries(0)->set_message_id("x"); });
  }
  SECTION("a chatId of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->set_chat_id("short"); });
  }
  SECTION("a chat that was not joined") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->set_chat_id(std::string(16, 'x')); });
  }
  SECTION("a hole") {
    p.spoil([](wire::Push& push) {
      auto& entry = *push.mutable_entries()->mutable_entries(0);
      entry.set_seq(entry.seq() + 1);
    });
  }
  SECTION("a seq out of range") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->mutable_entries(0)->set_seq(UINT64_MAX); });
  }
  SECTION("seq 0") {
    p.spoil([](wire::Push& push) { push.mutable_entries()->mutable_entries(0)->set_seq(0); });
  }
  SECTION("a stub of the wrong size") {
    p.spoil([](wire::Push& push) {
      push.mutable_entries()->mutable_entries(0)->mutable_stub()->set_client_message_id("x");
    });
  }
  SECTION("a gap that ends before it begins") {
    p.spoil([](wire::Push& push) {
      const auto id = push.entries().chat_id();
      push.mutable_gap()->set_chat_id(id);
      push.mutable_gap()->set_from(9);
      push.mutable_gap()->set_to(8);
    });
  }
  SECTION("a gap behind a hole") {
    p.spoil([](wire::Push& push) {
      const auto id = push.entries().chat_id();
      push.mutable_gap()->set_chat_id(id);
      push.mutable_gap()->set_from(9);
      push.mutable_gap()->set_to(9);
    });
  }
  SECTION("a receipt of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_delivery_receipt()->set_chat_id("x"); });
  }
  SECTION("a head of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_heads()->add_heads()->set_chat_id("x"); });
  }
  SECTION("a Welcome of the wrong size") {
    p.spoil([](wire::Push& push) { push.mutable_chat_joined()->set_chat_id("x"); });
  }
  p.alice.send(p.chat, "hello");
  REQUIRE(p.net.settle());
  REQUIRE(p.spoilt == 1);
  CHECK(p.drops() == 1);
  CHECK(p.bob.texts(p.chat) == Texts{"hello"});
  CHECK(p.placeholders().empty());
}

TEST_CASE("A kind of a newer version is passed by; the hole in its sender's numbers is shown") {
  Pair p;
  REQUIRE(p.says_again("first"));  // From here on bob knows which number comes next.
  p.spoil([](wire::Push& push) { push.mutable_entries()->mutable_entries(0)->clear_payload(); });
  p.alice.send(p.chat, "of the future");
  REQUIRE(p.net.settle());
  REQUIRE(p.spoilt == 1);
  CHECK(p.cursor() == 3);
  CHECK(p.drops() == 0);
  CHECK(p.placeholders().empty());
  CHECK(p.says_again("hello"));
  const auto shown = p.placeholders();
  REQUIRE(shown.size() == 1);
  CHECK(problem_of(shown[0]) == ErrorCode::NOT_FOUND);
  CHECK(shown[0].problem->message == "1 message(s) of this sender missing");
  const auto history = p.bob.history(p.chat);
  CHECK(history[history.size() - 2].id == shown[0].id);  // right before the message that showed it
  CHECK(p.says_again("again"));
  CHECK(p.placeholders().size() == 1);
}

TEST_CASE("What expired is shown as a gap, and numbers are taken as they come") {
  Pair p;
  const auto as_gap = [&](std::uint64_t handshakes, std::uint64_t last_n) {
    p.spoil([=](wire::Push& push) {
      const auto entries = push.entries();
      auto& gap = *push.mutable_gap();
      gap.set_chat_id(entries.chat_id());
      gap.set_from(entries.entries(0).seq());
      gap.set_to(entries.entries(0).seq());
      gap.set_handshakes(handshakes);
      gap.set_last_n(last_n);
    });
    p.alice.send(p.chat, "expired");
    REQUIRE(p.net.settle());
    REQUIRE(p.spoilt == 1);
  };
  SECTION("without handshakes the chat goes on") {
    as_gap(0, 0);
    REQUIRE(p.placeholders().size() == 1);
    CHECK(p.cursor() == 2);
    CHECK(p.says_again("hello"));
    CHECK(p.placeholders().size() == 1);
  }
  SECTION("with handshakes it must be rejoined") {
    as_gap(1, 0);
    CHECK(p.bob.chat(p.chat).status == ChatStatus::must_rejoin);
    CHECK(p.cursor() == 2);
  }
  SECTION("if the relay has more of this device than it knows, it is an old copy") {
    as_gap(0, 1);
    CHECK(p.bob.chat(p.chat).status == ChatStatus::must_rejoin);
  }
}

TEST_CASE("A gap tells which own messages were accepted") {
  Pair p;
  // Bob's message is accepted, but he never hears of it.
  p.net.to_client = [](wire::Envelope& envelope) {
    return !envelope.has_response() && !(envelope.has_push() && envelope.push().has_entries());
  };
  const auto id = p.bob.send(p.chat, "hello");
  p.net.run_for(seconds(2));
  Wiretap tap(p.net);
  p.net.to_client = [](wire::Envelope& envelope) {
    if (!envelope.has_push() || !envelope.push().has_entries()) return true;
    const auto entries = envelope.push().entries();
    if (!entries.entries(0).has_stub()) return true;
    auto& gap = *envelope.mutable_push()->mutable_gap();
    gap.set_chat_id(entries.chat_id());
    gap.set_from(entries.entries(0).seq());
    gap.set_to(entries.entries(0).seq());
    gap.set_last_n(1);
    return true;
  };
  p.net.cut(p.alice);
  p.net.cut(p.bob);
  REQUIRE(p.net.settle());
  CHECK(tap.sent.empty());
  const auto message = must(client::MessageTable(*p.bob.db).find(p.chat, id)).value();
  CHECK(message.state >= MessageState::sent);
  CHECK_FALSE(message.problem.has_value());
  CHECK(p.bob.chat(p.chat).status == ChatStatus::active);
  CHECK(p.alice.texts(p.chat) == Texts{"hello"});
}

TEST_CASE("A message in a handshake's place, and the other way round, changes nothing") {
  Pair p;
  p.spoil([](wire::Push& push) {
    auto& entry = *push.mutable_entries()->mutable_entries(0);
    const auto bytes = entry.message();
    entry.set_handshake(bytes);
  });
  p.alice.send(p.chat, "hello");
  REQUIRE(p.net.settle());
  REQUIRE(p.spoilt == 1);
  const auto last = p.bob.history(p.chat).back();
  CHECK(last.kind == MessageKind::notice);
  CHECK(last.notice.kind == NoticeKind::commit_ignored);
  CHECK(p.bob.texts(p.chat).empty());
}

TEST_CASE("Whose message it is follows from its signature, never from the relay") {
  Pair p;
  p.spoil([&](wire::Push& push) {
    auto& entry = *push.mutable_entries()->mutable_entries(0);
    entry.set_sender_user(to_string_bytes(id_of<UserId>(1)));
    entry.set_time(UINT64_MAX);
  });
  p.alice.send(p.chat, "hello");
  REQUIRE(p.net.settle());
  const auto last = p.bob.history(p.chat).back();
  CHECK(last.text == "hello");
  CHECK(last.sender == p.alice.user);
  CHECK(last.sender_device == p.alice.device);
}

TEST_CASE("A chat of a type that the group does not have must be rejoined") {
  TestNet net(2);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  net.to_client = [](wire::Envelope& envelope) {
    if (envelope.has_push() && envelope.push().has_chat_joined()) {
      envelope.mutable_push()->mutable_chat_joined()->set_type(wire::GROUP);
    }
    return true;
  };
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.run_until([&] { return bob.quiet() && !bob.events.empty() && alice.quiet(); }));
  net.run_for(seconds(2));
  CHECK(bob.chat(chat).status == ChatStatus::must_rejoin);
  CHECK(must(bob.db->one<std::int64_t>("SELECT count(*) FROM mls")).value() == 0);
}

namespace {

/// A group whose ratchet tree does not fit into a Welcome, and the device that it is about to add.
struct LargeJoin {
  LargeJoin() {
    bob.register_account();
    bob.accept_authentication(0);
    key_package = bob.request().request().publish_key_packages().key_packages(0);
    bob.answer_publishing();
    bob.step(bob.heads());
  }

  /// Alice adds bob; everything that she says to the relay on the way is answered by hand.
  void add() {
    const auto account = bob.account().value();
    alice.change(client::ChangeKind::add, account.user);
    REQUIRE(alice.request().request().has_take_key_packages());
    alice.step(alice.answer(alice.request_id(), [&](wire::Response& r) {
      auto& user = *r.mutable_key_packages_taken()->add_users();
      user.set_user_id(to_string_bytes(account.user));
      *user.mutable_device_list() = account.device_list;
      auto& device = *user.add_devices();
      device.set_device_id(to_string_bytes(account.device));
      device.set_key_package(key_package);
    }));
    REQUIRE(alice.request().request().has_create_attachment());
    size = alice.request().request().create_attachment().size();
    CHECK(size > wire::limits::inline_tree_bytes);
    attachment_id = must(client::IntentTable(*alice.db).first(alice.chat.id))->request->tree_attachment_id();
    answer_upload();
    while (alice.request().request().has_upload_attachment()) {
      const auto& part = alice.request().request().upload_attachment();
      REQUIRE(part.offset() == blob.size());
      blob += part.data();
      answer_upload();
    }
    REQUIRE(alice.request().request().has_modify_chat_participants());
    commit = alice.request().request().modify_chat_participants().commit();
  }
  void answer_upload() {
    alice.step(alice.answer(alice.request_id(), [&](wire::Response& r) {
      r.mutable_attachment_created()->set_attachment_id(attachment_id);
      r.mutable_attachment_created()->set_offset(blob.size());
    }));
  }
  wire::Entry entry(std::uint64_t seq) {
    wire::Entry out;
    out.set_seq(seq);
    out.set_message_id(std::string(16, 'm'));
    out.set_sender_user(to_string_bytes(alice.account()->user));
    out.set_sender_device(to_string_bytes(alice.account()->device));
    return out;
  }
  void welcome() {
    bob.step(bob.push([&](wire::Push& push) {
      auto& joined = *push.mutable_chat_joined();
      joined.set_chat_id(to_string_bytes(alice.chat.id));
      joined.set_type(wire::GROUP);
      joined.set_generation(1);
      *joined.mutable_entry() = entry(2);
      joined.mutable_entry()->mutable_welcome()->set_shared(commit.welcome().shared());
      joined.mutable_entry()->mutable_welcome()->set_secret(commit.welcome().secrets(0).secret());
    }));
    REQUIRE(bob.request().request().has_fetch_attachment());
    CHECK(bob.request().request().fetch_attachment().attachment_id() == attachment_id);
  }
  void give_part(const std::string& part) {
    bob.step(bob.answer(bob.request_id(), [&](wire::Response& r) {
      r.mutable_attachment_part()->set_size(blob.size());
      r.mutable_attachment_part()->set_data(part);
    }));
  }
  ChatStatus status() { return must(client::ChatTable(*bob.db).find(alice.chat.id))->status; }

  Crowd alice{96};
  Line bob{8};
  std::string key_package;
  std::string attachment_id;
  std::string blob;
  std::size_t size = 0;
  wire::Commit commit;
};

}  // namespace

TEST_CASE("A large group is joined once its ratchet tree has been fetched") {
  LargeJoin join;
  join.add();
  CHECK(join.blob.size() == join.size);
  join.welcome();
  const auto half = join.blob.size() / 2;

  SECTION("in parts, while its entries wait") {
    join.give_part(join.blob.substr(0, half));
    CHECK(join.bob.request().request().fetch_attachment().offset() == half);
    const auto asked = join.bob.request_id();
    join.bob.step(join.bob.push([&](wire::Push& push) {
      push.mutable_entries()->set_chat_id(to_string_bytes(join.alice.chat.id));
      *push.mutable_entries()->add_entries() = join.entry(3);
    }));
    CHECK(join.bob.network == client::NetworkAction::none);
    join.bob.step(join.bob.answer(
        asked, [&](wire::Response& r) { r.mutable_attachment_part()->set_data(join.blob.substr(half)); }));
    const auto row = must(client::ChatTable(*join.bob.db).find(join.alice.chat.id)).value();
    CHECK(row.status == ChatStatus::active);
    CHECK(row.name == "crowd");
    CHECK(row.cursor == 3);
    const auto& ack = join.bob.request().request().ack();
    CHECK(ack.cursors(0).seq() == 3);
    CHECK(must(client::ChatTable(*join.bob.db).participants(row.id)).size() == 97);
  }
  SECTION("not if the blob is changed") {
    auto changed = join.blob;
    changed[half] ^= 1;
    join.give_part(changed);
    CHECK(join.status() == ChatStatus::must_rejoin);
  }
  SECTION("not if it is larger than told") {
    join.give_part(join.blob + "more");
    CHECK(join.status() == ChatStatus::must_rejoin);
  }
  SECTION("not if it is gone") {
    join.bob.step(join.bob.refusal(join.bob.request_id(), ErrorCode::NOT_FOUND));
    CHECK(join.status() == ChatStatus::must_rejoin);
  }
  SECTION("later, if it cannot be had now") {
    join.bob.step(join.bob.refusal(join.bob.request_id(), ErrorCode::UNAVAILABLE));
    CHECK(join.bob.network == client::NetworkAction::close);
    CHECK_FALSE(must(client::ChatTable(*join.bob.db).find(join.alice.chat.id)).has_value());
  }
}
