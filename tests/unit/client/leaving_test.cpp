// Push tokens, logging out, and the end of an account: a client, its relay and the others.
#include <algorithm>
#include <filesystem>

#include "client/tables/leaving_table.h"
#include "support/catch.h"
#include "support/must.h"
#include "support/testnet.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

namespace {

relay::CoreConfig with_push() {
  relay::CoreConfig config;
  config.push = true;
  return config;
}

/// The outcome of a command, once there is one.
template <typename Command>
struct Outcome {
  std::optional<Result<void>> result;
  explicit Outcome(TestDevice& device, Command command = {}) {
    command.done = [this](Result<void> done) { result = std::move(done); };
    device.command(std::move(command));
  }
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;
  [[nodiscard]] std::optional<ErrorCode> code() const { return result->code(); }
};

std::size_t rows(TestDevice& device) {
  std::vector<std::string> tables;
  must(device.db->query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
                        [&](const store::Row& row) { tables.emplace_back(row.text(0)); }));
  std::int64_t count = 0;
  for (const auto& table : tables) count += *must(device.db->one<std::int64_t>("SELECT count(*) FROM " + table));
  return static_cast<std::size_t>(count);
}

std::size_t files(const TestDevice& device) {
  const std::filesystem::directory_iterator all(device.folder());
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

OutgoingAttachment document() {
  OutgoingAttachment out;
  out.info.kind = AttachmentKind::document;
  out.info.name = "a.txt";
  out.info.mime_type = "text/plain";
  out.bytes = Bytes(100'000, 7);
  return out;
}

/// Ann and Ben with a chat, a few messages and a file.
struct Pair {
  explicit Pair(const relay::CoreConfig& config = with_push())
      : net(11, config), ann(net.add("ann")), ben(net.add("ben")), chat(ben.direct_chat(ann)) {
    REQUIRE(net.settle());
    ben.send(chat, "with a file", {document()});
    ann.send(chat, "hello");
    REQUIRE(net.settle());
    REQUIRE(ann.texts(chat).size() == 2);
    REQUIRE(ben.texts(chat).size() == 2);
    REQUIRE(files(ben) == 1);
  }
  TestNet net;
  TestDevice& ann;
  TestDevice& ben;
  ChatId chat;
};

/// Ben's token is told, and Ben is away.
void set_token_and_leave(Pair& pair) {
  Outcome set(pair.ben, SetPushTokenCommand{"ben's", Urgency::normal, {}});
  REQUIRE(pair.net.run_until([&] { return set.result.has_value(); }));
  must(*set.result);
  pair.ben.go_offline();
  REQUIRE(pair.net.settle());
}

SendCommand news(Pair& pair, Urgency urgency) {
  SendCommand command;
  command.message.chat = pair.chat;
  command.message.id = random_id<ClientMessageId>(pair.net.random);
  command.message.text = "news";
  command.urgency = urgency;
  return command;
}

}  // namespace

TEST_CASE("A push token is told to the relay, and messages with an urgency tell its device") {
  Pair pair;
  set_token_and_leave(pair);
  const auto write = [&](Urgency urgency) {
    pair.ann.command(news(pair, urgency));
    pair.net.run_for(std::chrono::seconds(5));
  };
  write(Urgency::none);
  CHECK(pair.net.notices.empty());
  write(Urgency::normal);
  write(Urgency::normal);
  REQUIRE(pair.net.notices.size() == 1);
  CHECK(pair.net.notices[0].token == "ben's");
  CHECK_FALSE(pair.net.notices[0].high);
  write(Urgency::high);
  REQUIRE(pair.net.notices.size() == 2);
  CHECK(pair.net.notices[1].high);
}

TEST_CASE("A message with attachments is as urgent as any, also after a restart on its way") {
  Pair pair;
  set_token_and_leave(pair);
  const auto write = [&](Urgency urgency) {
    auto command = news(pair, urgency);
    command.attachments = {document(), document()};
    pair.ann.go_offline();
    pair.ann.command(command);
    pair.net.run_for(std::chrono::seconds(5));
    pair.ann.restart();
    pair.ann.go_online();
    REQUIRE(pair.net.run_until(
        [&] { return pair.ann.message(pair.chat, command.message.id).state == MessageState::sent; }));
  };
  write(Urgency::none);
  CHECK(pair.net.notices.empty());
  write(Urgency::normal);
  REQUIRE(pair.net.notices.size() == 1);
  CHECK_FALSE(pair.net.notices[0].high);
  write(Urgency::high);
  REQUIRE(pair.net.notices.size() == 2);
  CHECK(pair.net.notices[1].high);
}

TEST_CASE("A push token is told once a relay's store, and again to one that was restored") {
  Pair pair;
  std::vector<std::string> told;
  pair.net.rewrite = [&](wire::Envelope& envelope) {
    if (envelope.request().has_set_push_token()) told.push_back(envelope.request().set_push_token().token());
  };
  pair.ben.go_offline();
  pair.ben.command(SetPushTokenCommand{"old", Urgency::normal, {}});
  Outcome set(pair.ben, SetPushTokenCommand{"new", Urgency::high, {}});
  REQUIRE(pair.net.settle());
  CHECK_FALSE(set.result.has_value());
  pair.ben.go_online();
  REQUIRE(pair.net.run_until([&] { return set.result.has_value(); }));
  must(*set.result);
  CHECK(told == std::vector<std::string>{"new"});
  pair.ben.restart();
  pair.net.restart_relay();
  REQUIRE(pair.net.settle());
  CHECK(told.size() == 1);
  pair.net.to_client = [](wire::Envelope& envelope) {
    if (envelope.response().has_authenticated()) {
      envelope.mutable_response()->mutable_authenticated()->set_incarnation("another one here");
    }
    return true;
  };
  pair.ben.restart();
  REQUIRE(pair.net.settle());
  CHECK(told == std::vector<std::string>{"new", "new"});
  Outcome none(pair.ben, SetPushTokenCommand{"", Urgency::normal, {}});
  REQUIRE(pair.net.run_until([&] { return none.result.has_value(); }));
  CHECK_FALSE(must(PushTokenTable(*pair.ben.db).load()).has_value());
}

TEST_CASE("A relay without push refuses a token, which is offered again later") {
  Pair pair{relay::CoreConfig{}};
  int told = 0;
  pair.net.rewrite = [&](wire::Envelope& envelope) { told += envelope.request().has_set_push_token() ? 1 : 0; };
  Outcome set(pair.ben, SetPushTokenCommand{"ben's", Urgency::normal, {}});
  REQUIRE(pair.net.run_until([&] { return set.result.has_value(); }));
  CHECK(set.code() == ErrorCode::UNSUPPORTED);
  CHECK(told == 1);
  pair.net.cut(pair.ben);
  REQUIRE(pair.net.run_until([&] { return told == 2; }));
}

TEST_CASE("A deleted account leaves nothing on the device, and others go on") {
  Pair pair;
  Outcome deleted(pair.ben, DeleteAccountCommand{});
  REQUIRE(pair.net.run_until([&] { return deleted.result.has_value(); }));
  must(*deleted.result);
  CHECK(rows(pair.ben) == 0);
  CHECK(files(pair.ben) == 0);
  CHECK(pair.ben.connection == ConnectionState::offline);
  const auto asked = pair.ann.send(pair.chat, "are you there?");
  pair.net.run_for(std::chrono::seconds(10));
  CHECK(pair.ann.message(pair.chat, asked).state == MessageState::sent);

  // Nobody finds it, and it stays away after a restart.
  std::optional<Result<UserId>> found;
  pair.ann.command(FindUserCommand{"ben", [&](Result<UserId> result) { found = std::move(result); }});
  REQUIRE(pair.net.run_until([&] { return found.has_value(); }));
  CHECK(found->code() == ErrorCode::UNKNOWN_USER);
  pair.ben.restart();
  pair.net.run_for(std::chrono::seconds(120));
  CHECK(pair.ben.connection == ConnectionState::offline);

  // The handle is free, also for this device, which is then somebody else.
  const auto before = pair.ben.user;
  pair.ben.register_account("ben");
  CHECK(pair.ben.user != before);
  const auto chat = pair.ben.direct_chat(pair.ann);
  pair.ben.send(chat, "it is another me");
  REQUIRE(pair.net.settle());
  CHECK(pair.ann.texts(chat) == std::vector<std::string>{"it is another me"});
}

TEST_CASE("A deletion waits for the network, over restarts") {
  Pair pair;
  pair.ben.go_offline();
  pair.net.settle();
  Outcome deleted(pair.ben, DeleteAccountCommand{});
  pair.net.run_for(std::chrono::seconds(60));
  CHECK_FALSE(deleted.result.has_value());
  pair.ben.restart();
  pair.net.run_for(std::chrono::seconds(60));
  CHECK(pair.ben.texts(pair.chat).size() == 2);
  pair.ben.go_online();
  REQUIRE(pair.net.run_until([&] { return rows(pair.ben) == 0; }));
  REQUIRE(pair.net.run_until([&] { return files(pair.ben) == 0; }));
}

TEST_CASE("A deletion whose answer was lost is carried to its end") {
  Pair pair;
  const bool restarts = GENERATE(false, true);
  bool cut = false;
  std::uint64_t asked = 0;
  pair.net.rewrite = [&](wire::Envelope& envelope) {
    if (envelope.request().has_delete_account()) asked = envelope.id();
  };
  pair.net.to_client = [&](wire::Envelope& envelope) {
    const bool it = asked != 0 && envelope.has_response() && envelope.id() == asked && !cut;
    cut = cut || it;
    return !it;
  };
  Outcome deleted(pair.ben, DeleteAccountCommand{});
  REQUIRE(pair.net.run_until([&] { return cut; }));
  CHECK(rows(pair.ben) > 0);
  if (restarts) pair.ben.restart();
  REQUIRE(pair.net.run_until([&] { return rows(pair.ben) == 0 && files(pair.ben) == 0; },
                             std::chrono::milliseconds(600'000)));
  if (!restarts) must(*deleted.result);
}

TEST_CASE("A relay that calls an account deleted erases nothing by that") {
  Pair pair;
  pair.net.to_client = [](wire::Envelope& envelope) {
    if (envelope.response().has_authenticated()) {
      wire::Response refusal;
      refusal.set_status(static_cast<std::uint32_t>(ErrorCode::ACCOUNT_DELETED));
      *envelope.mutable_response() = refusal;
    }
    return true;
  };
  pair.ben.restart();
  pair.net.run_for(std::chrono::seconds(300));
  CHECK(pair.ben.connection == ConnectionState::offline);
  CHECK(pair.ben.texts(pair.chat).size() == 2);
}

TEST_CASE("A deletion that the relay refuses for good is told, and the account stays") {
  Pair pair;
  pair.net.rewrite = [](wire::Envelope& envelope) {
    if (envelope.request().has_delete_account()) {
      envelope.mutable_request()->mutable_delete_account()->set_signature(std::string(64, 'x'));
    }
  };
  Outcome deleted(pair.ben, DeleteAccountCommand{});
  REQUIRE(pair.net.run_until([&] { return deleted.result.has_value(); }));
  CHECK(deleted.code() == ErrorCode::BAD_SIGNATURE);
  pair.ben.send(pair.chat, "still here");
  REQUIRE(pair.net.settle());
  CHECK(pair.ann.texts(pair.chat).size() == 3);
}

TEST_CASE("What waits when an account is erased completes, and later commands are refused") {
  Pair pair;
  pair.ben.go_offline();
  pair.net.settle();
  std::optional<Result<UserId>> found;
  pair.ben.command(FindUserCommand{"ann", [&](Result<UserId> result) { found = std::move(result); }});
  Outcome change(pair.ben, ChangeChatCommand{pair.chat, ChangeKind::refresh, {}, {}, {}});
  Outcome token(pair.ben, SetPushTokenCommand{"x", Urgency::normal, {}});
  pair.net.run_for(std::chrono::seconds(1));
  Outcome erased(pair.ben, LogOutCommand{LogOutData::erase, {}});
  REQUIRE(pair.net.run_until([&] { return erased.result.has_value(); }));
  must(*erased.result);
  REQUIRE(found.has_value());
  CHECK(found->code() == ErrorCode::CANCELLED);
  CHECK(change.code() == ErrorCode::CANCELLED);
  CHECK(token.code() == ErrorCode::CANCELLED);
  Outcome late(pair.ben, SetPushTokenCommand{"x", Urgency::normal, {}});
  Outcome later(pair.ben, DeleteAccountCommand{});
  REQUIRE(pair.net.run_until([&] { return late.result && later.result; }));
  CHECK(late.code() == ErrorCode::NOT_REGISTERED);
  CHECK(later.code() == ErrorCode::NOT_REGISTERED);
}

TEST_CASE("Who logs out keeping the data reads on, stays offline, and comes back by connecting") {
  Pair pair;
  Outcome set(pair.ben, SetPushTokenCommand{"ben's", Urgency::normal, {}});
  REQUIRE(pair.net.settle());
  Outcome out(pair.ben, LogOutCommand{LogOutData::keep, {}});
  REQUIRE(pair.net.run_until([&] { return out.result.has_value(); }));
  must(*out.result);
  pair.ben.restart();
  pair.net.run_for(std::chrono::seconds(300));
  CHECK(pair.ben.connection == ConnectionState::offline);
  CHECK(pair.ben.texts(pair.chat).size() == 2);
  CHECK(must(LeavingTable(*pair.ben.db).load()) == LeavingKind::logged_out);
  pair.ann.send(pair.chat, "are you there?");
  pair.ben.send(pair.chat, "written while logged out");
  pair.net.run_for(std::chrono::seconds(10));
  CHECK(pair.net.notices.empty());

  // Nobody can begin a chat with it meanwhile.
  auto& cleo = pair.net.add("cleo");
  const auto refused = cleo.group({&pair.ben}, "too early");
  pair.net.run_for(std::chrono::seconds(30));
  CHECK(cleo.chat(refused).status == ChatStatus::failed);

  pair.ben.command(ConnectCommand{});
  REQUIRE(pair.net.run_until([&] { return pair.ben.connection == ConnectionState::online; }));
  REQUIRE(pair.net.settle());
  CHECK(pair.ben.texts(pair.chat).size() == 4);
  CHECK(pair.ann.texts(pair.chat).size() == 4);
  const auto group = cleo.group({&pair.ben}, "a group");
  REQUIRE(pair.net.settle());
  CHECK(cleo.chat(group).status == ChatStatus::active);
  CHECK_FALSE(must(LeavingTable(*pair.ben.db).load()).has_value());
  // And it is told by push again.
  pair.ben.go_offline();
  pair.net.settle();
  pair.ann.send(pair.chat, "now?");
  pair.net.run_for(std::chrono::seconds(10));
  CHECK(pair.net.notices.size() == 1);
}

TEST_CASE("Who wants to be connected again before the relay has answered the log-out stays connected") {
  Pair pair;
  REQUIRE(pair.net.settle());
  Outcome out(pair.ben, LogOutCommand{LogOutData::keep, {}});
  REQUIRE(pair.net.run_until([&] { return must(LeavingTable(*pair.ben.db).load()) == LeavingKind::logged_out; }));
  REQUIRE_FALSE(out.result.has_value());
  pair.ben.command(ConnectCommand{});
  REQUIRE(pair.net.run_until([&] { return out.result.has_value(); }));
  CHECK(out.code() == ErrorCode::CANCELLED);
  pair.net.run_for(std::chrono::seconds(60));
  CHECK(pair.ben.connection == ConnectionState::online);
  pair.ann.send(pair.chat, "are you there?");
  REQUIRE(pair.net.settle());
  CHECK(pair.ben.texts(pair.chat).size() == 3);
}

TEST_CASE("Who logs out and erases leaves nothing, with and without the relay") {
  Pair pair;
  const bool reachable = GENERATE(true, false);
  if (!reachable) pair.ben.go_offline();
  pair.net.settle();
  bool told = false;
  pair.net.rewrite = [&](wire::Envelope& envelope) { told = told || envelope.request().has_log_out(); };
  Outcome out(pair.ben, LogOutCommand{LogOutData::erase, {}});
  REQUIRE(pair.net.run_until([&] { return out.result.has_value(); }));
  must(*out.result);
  CHECK(told == reachable);
  CHECK(rows(pair.ben) == 0);
  CHECK(files(pair.ben) == 0);
}

TEST_CASE("Logging out does not wait for a relay that does not answer") {
  Pair pair;
  pair.net.to_client = [](wire::Envelope&) { return false; };
  Outcome out(pair.ben, LogOutCommand{LogOutData::erase, {}});
  REQUIRE(pair.net.run_until([&] { return out.result.has_value(); }, std::chrono::milliseconds(15'000)));
  must(*out.result);
  CHECK(rows(pair.ben) == 0);
}

TEST_CASE("Erasing that a crash interrupted begins anew with the next start") {
  Pair pair;
  must(LeavingTable(*pair.ben.db).set(LeavingKind::erase));
  pair.ben.restart();
  REQUIRE(pair.net.run_until([&] { return rows(pair.ben) == 0 && files(pair.ben) == 0; }));
}

TEST_CASE("An account that is erased in the middle of an upload leaves nothing to do") {
  Pair pair;
  bool uploads = false;
  pair.net.rewrite = [&](wire::Envelope& envelope) { uploads = uploads || envelope.request().has_upload_attachment(); };
  pair.ben.send(pair.chat, "and another", {document()});
  REQUIRE(pair.net.run_until([&] { return uploads; }));
  Outcome out(pair.ben, LogOutCommand{LogOutData::erase, {}});
  REQUIRE(pair.net.run_until([&] { return out.result.has_value(); }));
  constexpr std::size_t most = 10'000;
  std::size_t turns = 0;
  pair.net.run_until([&] { return ++turns == most; }, std::chrono::minutes(5));
  CHECK(turns < most);
}

TEST_CASE("Nothing more is told of an account that was erased") {
  Pair pair;
  pair.ann.command(AvailableCommand{true});
  pair.ann.command(TypingCommand{pair.chat, true});
  const auto shows = [&] {
    return std::ranges::any_of(pair.ben.events,
                               [](const Event& event) { return std::holds_alternative<TypingChanged>(event); });
  };
  REQUIRE(pair.net.run_until(shows));
  Outcome out(pair.ben, LogOutCommand{LogOutData::erase, {}});
  REQUIRE(pair.net.run_until([&] { return out.result.has_value(); }));
  pair.ben.events.clear();
  pair.net.run_for(std::chrono::minutes(5));
  for (const auto& event : pair.ben.events) {
    CHECK_FALSE(std::holds_alternative<TypingChanged>(event));
    CHECK_FALSE(std::holds_alternative<PresenceChanged>(event));
  }
}
