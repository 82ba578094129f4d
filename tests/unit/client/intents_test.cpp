// What a user wants to change, until the log says that it is so.
#include "client/intents.h"

#include "unit/client/crowd.h"
#include "unit/client/wiretap.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Group {
  Group() {
    chat = alice.group({&bob}, "g");
    REQUIRE(net.settle());
    tap.commits.clear();
    tap.requests.clear();
  }
  std::optional<ErrorCode> only_outcome(TestDevice& device) {
    REQUIRE(device.changes.size() == 1);
    return device.changes[0].code();
  }
  int commits() const { return static_cast<int>(tap.commits.size()); }

  TestNet net{1};
  TestDevice& alice = net.add("alice");
  TestDevice& bob = net.add("bob");
  TestDevice& carol = net.add("carol");
  Wiretap tap{net};
  ChatId chat;
};

}  // namespace

TEST_CASE("Who loses a slot builds anew, with the key packages that were taken") {
  Group g;
  std::map<ErrorCode, int> answers;
  count_answers(g.net, answers);
  g.alice.change(g.chat, ChangeKind::add, g.carol.user);
  // Bob is faster: his commit goes while alice takes key packages.
  g.net.run_until([&] { return g.tap.requests[wire::Request::kTakeKeyPackages] == 1; });
  g.bob.change(g.chat, ChangeKind::refresh);
  g.bob.change(g.chat, ChangeKind::refresh);
  REQUIRE(g.net.settle());
  CHECK(answers[ErrorCode::EPOCH_CONFLICT] >= 1);
  CHECK(g.commits() == 3 + answers[ErrorCode::EPOCH_CONFLICT]);
  CHECK(g.tap.requests[wire::Request::kTakeKeyPackages] == 1);
  CHECK_FALSE(g.only_outcome(g.alice));
  REQUIRE(g.bob.changes.size() == 2);
  CHECK(g.bob.changes[0].ok());
  CHECK(g.bob.changes[1].ok());
  CHECK(g.carol.chat(g.chat).status == ChatStatus::active);
  CHECK(g.alice.epoch_authenticator(g.chat) == g.carol.epoch_authenticator(g.chat));
  CHECK(g.alice.epoch_authenticator(g.chat) == g.bob.epoch_authenticator(g.chat));
}

TEST_CASE("A commit that the relay's roster does not fit is built anew, a few times") {
  Group g;
  int refused = 0;
  int most = 0;
  SECTION("and then succeeds") { most = 3; }
  SECTION("and then fails") { most = 1000; }
  // Refused for an old prev_handshake, it is told to be another roster.
  g.tap.change_commit = [&](wire::Commit& commit) {
    if (refused < most) commit.set_prev_handshake(0);
  };
  g.net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.has_response() && wire::status_of(envelope.response()).code() == ErrorCode::EPOCH_CONFLICT) {
      ++refused;
      *envelope.mutable_response() = wire::refusal(Error(ErrorCode::ROSTER_MISMATCH));
    }
    return true;
  };
  g.alice.change(g.chat, ChangeKind::rename, {}, "renamed");
  REQUIRE(g.net.settle());
  if (most == 3) {
    CHECK_FALSE(g.only_outcome(g.alice));
    CHECK(g.bob.chat(g.chat).name == "renamed");
    CHECK(g.commits() == 4);
    CHECK(g.tap.commits[0].message() != g.tap.commits[3].message());
  } else {
    CHECK(g.only_outcome(g.alice) == ErrorCode::ROSTER_MISMATCH);
    CHECK(refused == 8);
    CHECK(g.bob.chat(g.chat).name == "g");
  }
  g.tap.change_commit = nullptr;
  g.alice.change(g.chat, ChangeKind::rename, {}, "at last");
  REQUIRE(g.net.settle());
  CHECK(g.bob.chat(g.chat).name == "at last");
}

TEST_CASE("What is so already succeeds without a commit") {
  Group g;
  SECTION("adding a member") { g.alice.change(g.chat, ChangeKind::add, g.bob.user); }
  SECTION("removing who is not there") { g.alice.change(g.chat, ChangeKind::remove, g.carol.user); }
  SECTION("the same name") { g.alice.change(g.chat, ChangeKind::rename, {}, "g"); }
  REQUIRE(g.net.settle());
  CHECK_FALSE(g.only_outcome(g.alice));
  CHECK(g.commits() == 0);
}

TEST_CASE("What is not allowed is said so") {
  Group g;
  SECTION("a user that nobody knows") {
    g.alice.change(g.chat, ChangeKind::add, id_of<UserId>(1));
    REQUIRE(g.net.settle());
    CHECK(g.only_outcome(g.alice) == ErrorCode::UNKNOWN_USER);
  }
  SECTION("an admin leaves by removing itself") {
    g.alice.change(g.chat, ChangeKind::remove, g.alice.user);
    REQUIRE(g.net.settle());
    CHECK(g.only_outcome(g.alice) == ErrorCode::FORBIDDEN);
  }
  SECTION("who is no admin") {
    g.bob.change(g.chat, ChangeKind::add, g.carol.user);
    REQUIRE(g.net.settle());
    CHECK(g.only_outcome(g.bob) == ErrorCode::FORBIDDEN);
  }
  SECTION("a chat that is not there") {
    g.alice.change(id_of<ChatId>(1), ChangeKind::refresh);
    REQUIRE(g.net.settle());
    CHECK(g.only_outcome(g.alice) == ErrorCode::NOT_FOUND);
  }
  SECTION("a direct chat") {
    const auto direct = g.alice.direct_chat(g.bob);
    g.alice.change(direct, ChangeKind::add, g.carol.user);
    g.alice.change(direct, ChangeKind::rename, {}, "us");
    g.alice.change(direct, ChangeKind::refresh);
    REQUIRE(g.net.settle());
    REQUIRE(g.alice.changes.size() == 3);
    CHECK(g.alice.changes[0].code() == ErrorCode::FORBIDDEN);
    CHECK(g.alice.changes[1].code() == ErrorCode::FORBIDDEN);
    CHECK(g.alice.changes[2].ok());
    return;
  }
  CHECK(g.commits() == 0);
}

TEST_CASE("A chat with a user that nobody knows fails, with what was written in it") {
  TestNet net(2);
  auto& alice = net.add("alice");
  const auto chat = id_of<ChatId>(1);
  alice.command(CreateChatCommand{chat, ChatType::group, {id_of<UserId>(1)}, "ghosts", {}});
  alice.send(chat, "boo");
  alice.change(chat, ChangeKind::rename, {}, "more ghosts");
  REQUIRE(net.settle());
  CHECK(alice.chat(chat).status == ChatStatus::failed);
  CHECK_FALSE(alice.chat(chat).problem.empty());
  CHECK(alice.history(chat).back().state == MessageState::failed);
  CHECK(problem_of(alice.history(chat).back()) == ErrorCode::UNKNOWN_USER);
  REQUIRE(alice.changes.size() == 1);
  CHECK(alice.changes[0].code() == ErrorCode::UNKNOWN_USER);
}

TEST_CASE("An intent survives a restart, wherever it is") {
  Group g;
  SECTION("not begun") { g.alice.go_offline(); }
  SECTION("taking key packages") {
    g.alice.change(g.chat, ChangeKind::add, g.carol.user);
    g.net.run_until([&] { return g.tap.requests[wire::Request::kTakeKeyPackages] > 0; });
  }
  SECTION("sent") {
    g.alice.change(g.chat, ChangeKind::add, g.carol.user);
    g.net.run_until([&] { return g.commits() > 0; });
  }
  if (g.tap.requests.empty()) {
    g.alice.change(g.chat, ChangeKind::add, g.carol.user);
    g.net.run_for(milliseconds(50));
  }
  g.alice.restart();
  g.alice.go_online();
  REQUIRE(g.net.settle());
  CHECK(g.alice.changes.empty());  // Who asked is gone.
  CHECK(g.carol.chat(g.chat).status == ChatStatus::active);
  CHECK(g.alice.epoch_authenticator(g.chat) == g.carol.epoch_authenticator(g.chat));
}

TEST_CASE("Changes of a chat happen in order, each completed once") {
  Group g;
  for (int i = 0; i < 5; ++i) g.alice.change(g.chat, ChangeKind::rename, {}, "name " + std::to_string(i));
  g.net.run_until([&] { return g.commits() == 2; });
  g.net.cut(g.alice);
  REQUIRE(g.net.settle());
  CHECK(g.alice.changes.size() == 5);
  std::vector<std::string> names;
  for (const auto& message : g.bob.history(g.chat)) {
    if (message.kind == MessageKind::notice && message.notice.kind == NoticeKind::renamed) {
      names.push_back(message.notice.text);
    }
  }
  CHECK(names == std::vector<std::string>{"name 0", "name 1", "name 2", "name 3", "name 4"});
}

TEST_CASE("A group created offline is founded once connected") {
  TestNet net(3);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  alice.go_offline();
  const auto chat = alice.group({&bob}, "later");
  alice.send(chat, "hello");
  net.run_for(seconds(1));
  CHECK(alice.chat(chat).status == ChatStatus::creating);
  alice.restart();
  alice.go_online();
  REQUIRE(net.settle());
  CHECK(alice.chat(chat).status == ChatStatus::active);
  CHECK(bob.texts(chat) == std::vector<std::string>{"hello"});
}

TEST_CASE("A 101st user is not even asked for") {
  Crowd crowd(wire::limits::users_per_chat);
  crowd.change(ChangeKind::add, id_of<UserId>(1));
  REQUIRE(crowd.changes.size() == 1);
  CHECK(crowd.changes[0].code() == ErrorCode::LIMIT_EXCEEDED);
  CHECK(crowd.sent.empty());
  SECTION("one who is there already is") {
    crowd.change(ChangeKind::add, crowd.last);
    CHECK(crowd.changes.at(1).ok());
    CHECK(crowd.sent.empty());
  }
}

TEST_CASE("Changes that are under way at the end are completed with CLOSED, once, and go on later") {
  Crowd crowd(3);
  crowd.change(ChangeKind::refresh);
  crowd.change(ChangeKind::remove, crowd.last);
  CHECK(crowd.changes.empty());
  std::vector<Input> never;
  never.emplace_back(ChangeChatCommand{
      crowd.chat.id, ChangeKind::refresh, {}, {}, [&](Result<void> result) { crowd.changes.push_back(result); }});
  crowd.take(crowd.engine->close(never));
  REQUIRE(crowd.changes.size() == 3);
  for (const auto& change : crowd.changes) CHECK(change.code() == ErrorCode::CLOSED);
  CHECK(must(IntentTable(*crowd.db).ids(crowd.chat.id)).size() == 2);  // The third one was never taken.
}

TEST_CASE("A change whose step cannot be stored fails, and is not done later") {
  Crowd crowd(3);
  must(crowd.db->run("CREATE TABLE full(id INTEGER PRIMARY KEY REFERENCES none(id) DEFERRABLE INITIALLY DEFERRED)"));
  must(crowd.db->run("CREATE TABLE none(id INTEGER PRIMARY KEY)"));
  must(crowd.db->run("CREATE TRIGGER fail AFTER INSERT ON intent BEGIN INSERT INTO full VALUES(NULL); END"));
  crowd.change(ChangeKind::refresh);
  REQUIRE(crowd.changes.size() == 1);
  CHECK_FALSE(crowd.changes[0].ok());
  CHECK(crowd.sent.empty());
  must(crowd.db->run("DROP TRIGGER fail"));
  CHECK(must(IntentTable(*crowd.db).chats()).empty());
  crowd.take(crowd.engine->close());
  CHECK(crowd.changes.size() == 1);
}
