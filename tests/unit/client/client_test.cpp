// The public client, over TLS, against a relay in this process.
#include "sotto/client.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/manual_executor.h"
#include "sotto/blocking.h"
#include "sotto/relay.h"
#include "support/temp_dir.h"
#include "unit/client/members.h"
#include "wire/limits.h"

using namespace sotto;
using namespace sotto::test;

namespace {

/// Waits for something that other threads do; the limit is only there so that a failure ends.
bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct Server {
  Server() {
    RelayConfig config;
    config.data_dir = dir.file("relay");
    relay = must(Relay::start(config));
  }
  TempDir dir;
  std::unique_ptr<Relay> relay;
};

/// What an app has seen, from whatever thread.
struct Seen {
  void add(const Event& event) {
    const std::lock_guard lock(mutex);
    events.push_back(event);
  }
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return events.size();
  }
  std::vector<std::string> texts() {
    const std::lock_guard lock(mutex);
    std::vector<std::string> out;
    for (const auto& event : events) {
      const auto* added = std::get_if<MessageAdded>(&event);
      if (added != nullptr && added->message.kind == MessageKind::text) out.push_back(added->message.text);
    }
    return out;
  }
  std::optional<ErrorCode> problem() {
    const std::lock_guard lock(mutex);
    for (const auto& event : events) {
      const auto* changed = std::get_if<ConnectionChanged>(&event);
      if (changed != nullptr && changed->problem) return changed->problem->code;
    }
    return std::nullopt;
  }
  std::mutex mutex;
  std::vector<Event> events;
};

struct App {
  App(Server& server, const std::string& name) : config(config_of(server, name)) { open(); }

  static ClientConfig config_of(const Server& server, const std::string& name) {
    ClientConfig out;
    out.data_dir = server.dir.file(name);
    out.relay_url = server.relay->url();
    out.ca_file = server.relay->certificate_path();
    return out;
  }
  void open() {
    auto copy = config;
    copy.on_event = [seen = seen](const Event& event) { seen->add(event); };
    client = must(Client::open(std::move(copy)));
  }
  Result<UserId> try_register(const std::string& handle) {
    return blocking<UserId>([&](auto done) { client->register_account(handle, done); });
  }
  void register_account(const std::string& handle) { user = must(try_register(handle)); }
  bool online() {
    return eventually([&] { return client->connection() == ConnectionState::online; });
  }

  ClientConfig config;
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  std::unique_ptr<Client> client;
  UserId user;
};

/// The error that a call completes with, if any.
std::optional<ErrorCode> outcome(const std::function<void(Completion<void>)>& call) {
  return blocking<void>([&](auto done) { call(done); }).code();
}

/// Counts completions by their outcome.
struct Outcomes {
  template <typename T>
  Completion<T> completion() {
    ++asked;
    return [this](const Result<T>& result) {
      ++done;
      if (result.code() == ErrorCode::CLOSED) ++closed;
    };
  }
  std::atomic<int> asked{0};
  std::atomic<int> done{0};
  std::atomic<int> closed{0};
};

}  // namespace

TEST_CASE("A client is not opened with what makes no sense") {
  TempDir dir;
  ClientConfig config;
  config.data_dir = dir.file("client");
  config.relay_url = "wss://localhost:1";
  config.connect_at_open = false;
  const auto code = [&] { return Client::open(config).code(); };
  SECTION("a URL") {
    for (const auto* url : {"", "localhost", "ws://localhost", "https://localhost", "wss://", "wss://localhost:99999",
                            "wss://localhost:x", "wss:///path"}) {
      INFO(url);
      config.relay_url = url;
      CHECK(code() == ErrorCode::INVALID_ARGUMENT);
    }
  }
  SECTION("a pin") {
    for (const auto& pin : {std::string(), std::string("abc"), std::string(63, 'a'), std::string(65, 'a'),
                            std::string(66, 'a'), std::string(64, 'x')}) {
      INFO(pin);
      config.spki_pins = {pin};
      CHECK(code() == ErrorCode::INVALID_ARGUMENT);
    }
    config.spki_pins = {std::string(64, 'a')};
    CHECK_FALSE(code());
  }
  SECTION("a folder") {
    config.data_dir = "";
    CHECK(code() == ErrorCode::INVALID_ARGUMENT);
    config.data_dir = dir.file("missing/client");
    CHECK(code() == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("Before there is an account, what needs one says so") {
  TempDir dir;
  ClientConfig config;
  config.data_dir = dir.file("client");
  config.relay_url = "wss://localhost:1";
  config.connect_at_open = false;
  const auto client = must(Client::open(config));
  const auto someone = id_of<UserId>(1);
  CHECK_FALSE(must(client->account()).has_value());
  CHECK(client->connection() == ConnectionState::offline);
  CHECK(client->send(id_of<ChatId>(1), "text").code() == ErrorCode::NOT_REGISTERED);
  CHECK(client->create_direct_chat(someone).code() == ErrorCode::NOT_REGISTERED);
  CHECK(client->create_group({{someone}, "name"}).code() == ErrorCode::NOT_REGISTERED);
  CHECK(blocking<UserId>([&](auto done) { client->find_user("bob", done); }).code() == ErrorCode::NOT_REGISTERED);
  CHECK(must(client->chats()).empty());
  CHECK(must(client->messages(id_of<ChatId>(1))).empty());
  CHECK(client->chat(id_of<ChatId>(1)).code() == ErrorCode::NOT_FOUND);
  CHECK(client->participants(id_of<ChatId>(1)).code() == ErrorCode::NOT_FOUND);
  CHECK(client->message(id_of<ChatId>(1), id_of<ClientMessageId>(1)).code() == ErrorCode::NOT_FOUND);
  CHECK(blocking<void>([&](auto done) { client->refresh_keys(id_of<ChatId>(1), done); }).code() ==
        ErrorCode::NOT_FOUND);
  CHECK(outcome([&](auto done) { client->set_push_token("x", Urgency::normal, done); }) == ErrorCode::NOT_REGISTERED);
  CHECK(outcome([&](auto done) { client->delete_account(done); }) == ErrorCode::NOT_REGISTERED);
  CHECK(outcome([&](auto done) { client->log_out(LogOutData::erase, done); }) == ErrorCode::NOT_REGISTERED);
  SECTION("and its folder is its own") { CHECK(Client::open(config).code() == ErrorCode::IN_USE); }
}

TEST_CASE("Arguments are checked") {
  Server server;
  App alice(server, "alice");
  alice.register_account("alice");
  auto& client = *alice.client;
  const std::string bad_utf8 = "\xC3\x28";
  const auto someone = id_of<UserId>(1);

  for (const auto& handle : {std::string(), std::string(65, 'x'), std::string("two  spaces"), std::string(" x"),
                             std::string("+12"), std::string("+49x"), bad_utf8}) {
    INFO(handle);
    CHECK(alice.try_register(handle).code() == ErrorCode::INVALID_ARGUMENT);
    CHECK(blocking<UserId>([&](auto done) { client.find_user(handle, done); }).code() == ErrorCode::INVALID_ARGUMENT);
  }
  CHECK(client.create_direct_chat(alice.user).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.create_direct_chat({}).code() == ErrorCode::INVALID_ARGUMENT);

  const std::string long_name(wire::limits::chat_name_bytes + 1, 'x');
  CHECK(client.create_group({{someone}, bad_utf8}).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.create_group({{someone}, long_name}).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.create_group({{}, "name"}).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.create_group({{someone, someone}, "name"}).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.create_group({{someone, alice.user}, "name"}).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.create_group({{UserId{}}, "name"}).code() == ErrorCode::INVALID_ARGUMENT);
  GroupSpec crowd;
  for (std::uint8_t i = 1; i <= 100; ++i) crowd.participants.push_back(id_of<UserId>(i));
  CHECK(client.create_group(crowd).code() == ErrorCode::LIMIT_EXCEEDED);

  const auto chat = id_of<ChatId>(1);
  CHECK(client.send(chat, "").code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.send(chat, bad_utf8).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.send(chat, std::string(wire::limits::text_bytes + 1, 'x')).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(client.send(chat, std::string(wire::limits::text_bytes, 'x')).ok());
  CHECK(blocking<void>([&](auto done) { client.rename(chat, long_name, done); }).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(blocking<void>([&](auto done) { client.rename(chat, bad_utf8, done); }).code() == ErrorCode::INVALID_ARGUMENT);

  for (const std::size_t limit : {std::size_t{0}, std::size_t{201}}) {
    CHECK(client.chats(limit).code() == ErrorCode::INVALID_ARGUMENT);
    CHECK(client.messages(chat, {{}, limit}).code() == ErrorCode::INVALID_ARGUMENT);
  }
  CHECK(client.chats(200).ok());
}

TEST_CASE("A handle is one account's") {
  Server server;
  App alice(server, "alice");
  alice.register_account("alice");
  CHECK(must(alice.try_register("alice")) == alice.user);
  CHECK(alice.try_register("other").code() == ErrorCode::ALREADY_EXISTS);
  const auto account = must(alice.client->account()).value();
  CHECK(account.user == alice.user);
  CHECK(account.handle == "alice");

  App eve(server, "eve");
  CHECK(eve.try_register("alice").code() == ErrorCode::HANDLE_TAKEN);
  CHECK_FALSE(must(eve.client->account()).has_value());
  eve.register_account("eve");
  CHECK(eve.user != alice.user);
  CHECK(must(blocking<UserId>([&](auto done) { eve.client->find_user("alice", done); })) == alice.user);
  CHECK(blocking<UserId>([&](auto done) { eve.client->find_user("nobody", done); }).code() == ErrorCode::UNKNOWN_USER);
}

TEST_CASE("A relay with another certificate is not spoken to") {
  Server server;
  Server other;
  auto config = App::config_of(server, "alice");
  const auto seen = std::make_shared<Seen>();
  config.on_event = [seen](const Event& event) { seen->add(event); };
  SECTION("of another authority") { config.ca_file = other.relay->certificate_path(); }
  SECTION("of another key than the pinned one") { config.spki_pins = {std::string(64, 'a')}; }
  Outcomes outcomes;
  const auto client = must(Client::open(config));
  client->register_account("alice", outcomes.completion<UserId>());
  REQUIRE(eventually([&] { return seen->problem().has_value(); }));
  CHECK(seen->problem() == ErrorCode::TLS_FAILED);
  CHECK(outcomes.done == 0);  // It may still come to be.
  client->close();
  CHECK(eventually([&] { return outcomes.closed == 1; }));
}

TEST_CASE("Two people chat over TLS, and a queued message leaves after the folder is opened again") {
  Server server;
  App alice(server, "alice");
  App bob(server, "bob");
  alice.register_account("alice");
  bob.register_account("+4930123456");
  const auto found = must(blocking<UserId>([&](auto done) { alice.client->find_user("+4930123456", done); }));
  CHECK(found == bob.user);
  const auto chat = must(alice.client->create_direct_chat(found));
  must(alice.client->send(chat, "1"));
  REQUIRE(eventually([&] { return bob.seen->texts().size() == 1; }));

  alice.client->disconnect();
  REQUIRE(eventually([&] { return alice.client->connection() == ConnectionState::offline; }));
  const auto stored = blocking<void>([&](auto done) { CHECK(alice.client->send(chat, "2", done).ok()); });
  CHECK(stored.ok());
  CHECK(must(alice.client->messages(chat, {{}, 1})).at(0).state == MessageState::queued);
  alice.client.reset();
  CHECK(bob.seen->texts().size() == 1);
  alice.open();
  CHECK(must(alice.client->account())->user == alice.user);
  REQUIRE(eventually([&] { return bob.seen->texts().size() == 2; }));
  CHECK(bob.seen->texts() == std::vector<std::string>{"1", "2"});
  REQUIRE(eventually([&] {
    return must(alice.client->messages(chat, {{}, 1})).at(0).state == MessageState::delivered;
  }));
  CHECK(must(alice.client->participants(chat)).size() == 2);
  CHECK(must(alice.client->chat(chat)).peer == bob.user);
}

TEST_CASE("Who leaves has told the relay what it has") {
  Server server;
  App alice(server, "alice");
  App bob(server, "bob");
  alice.register_account("alice");
  bob.register_account("bob");
  const auto chat = must(alice.client->create_direct_chat(bob.user));
  constexpr std::size_t messages = 20;
  for (std::size_t i = 0; i < messages; ++i) must(alice.client->send(chat, "hello"));
  REQUIRE(eventually([&] { return bob.seen->texts().size() == messages; }));
  // Within 100 ms, so most acks still wait.
  SECTION("by closing") { bob.client.reset(); }
  SECTION("by disconnecting") { bob.client->disconnect(); }
  CHECK(eventually([&] { return must(alice.client->messages(chat, {{}, 1})).at(0).state == MessageState::delivered; }));
}

TEST_CASE("A message with attachments is written once under its id, also when its file is gone meanwhile") {
  Server server;
  App alice(server, "alice");
  App bob(server, "bob");
  alice.register_account("alice");
  bob.register_account("bob");
  const auto chat = must(alice.client->create_direct_chat(bob.user));
  const auto path = server.dir.file("note.txt");
  std::ofstream(path) << "a note";
  OutgoingAttachment note;
  note.path = path;
  SendOptions options;
  options.id = id_of<ClientMessageId>(7);
  const auto send = [&](const std::string& text) {
    return blocking<void>([&](auto done) {
      const auto sent = alice.client->send(chat, text, {note}, options, done);
      if (!sent.ok()) return done(sent.error());
      CHECK(sent->id == *options.id);
      CHECK(sent->text == "once");
    });
  };
  REQUIRE(send("once").ok());
  REQUIRE(eventually([&] { return bob.seen->texts().size() == 1; }));
  std::filesystem::remove(path);
  CHECK(send("twice").ok());
  CHECK(must(alice.client->message(chat, *options.id)).text == "once");

  options.id = id_of<ClientMessageId>(8);
  CHECK(send("without its file").code() == ErrorCode::NOT_FOUND);
  options.id = ClientMessageId{};
  CHECK(send("no id").code() == ErrorCode::INVALID_ARGUMENT);
  options.id.reset();
  options.releases = 0;
  CHECK(send("no log").code() == ErrorCode::INVALID_ARGUMENT);
  AttachmentInfo info;
  CHECK(Client::check_attachment(info).ok());
  info.name = "a/b";
  CHECK(Client::check_attachment(info).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("A closed client says so, and nothing else any more") {
  Server server;
  App alice(server, "alice");
  alice.register_account("alice");
  REQUIRE(alice.online());
  Outcomes outcomes;
  std::atomic<int> told{0};

  SECTION("from this thread") {
    alice.client->find_user("bob", outcomes.completion<UserId>());
    alice.client->close([&] { ++told; });
  }
  SECTION("from another thread") {
    alice.client->find_user("bob", outcomes.completion<UserId>());
    std::thread([&] { alice.client->close([&] { ++told; }); }).join();
  }
  SECTION("from two threads at once") {
    std::thread one([&] { alice.client->close([&] { ++told; }); });
    std::thread two([&] { alice.client->close([&] { ++told; }); });
    one.join();
    two.join();
  }
  SECTION("inside a completion") {
    alice.client->find_user("nobody", [&](const Result<UserId>&) { alice.client->close([&] { ++told; }); });
  }
  REQUIRE(eventually([&] { return told == 1; }));
  alice.client->close([&] { ++told; });
  const auto events = alice.seen->size();
  CHECK(outcomes.done == outcomes.asked);

  CHECK(alice.client->account().code() == ErrorCode::CLOSED);
  CHECK(alice.client->chats().code() == ErrorCode::CLOSED);
  CHECK(alice.client->send(id_of<ChatId>(1), "text").code() == ErrorCode::CLOSED);
  CHECK(alice.client->create_direct_chat(id_of<UserId>(1)).code() == ErrorCode::CLOSED);
  CHECK(blocking<UserId>([&](auto done) { alice.client->find_user("bob", done); }).code() == ErrorCode::CLOSED);
  CHECK(blocking<void>([&](auto done) { alice.client->refresh_keys(id_of<ChatId>(1), done); }).code() ==
        ErrorCode::CLOSED);
  alice.client->connect();

  // The folder is free: another client may take it while the closed one still exists.
  App again(server, "alice");
  CHECK(must(again.client->account())->user == alice.user);
  alice.client.reset();
  CHECK(told == 1);
  CHECK(alice.seen->size() == events);
}

TEST_CASE("What is pending at the end is completed exactly once") {
  Server server;
  App alice(server, "alice");
  alice.register_account("alice");
  REQUIRE(alice.online());
  Outcomes outcomes;
  std::atomic<int> told{0};
  std::mutex owner;  // of `alice.client`, which a callback lets go of
  const auto ask = [&](int count) {
    for (int i = 0; i < count; ++i) {
      alice.client->find_user("nobody" + std::to_string(i), outcomes.completion<UserId>());
      alice.client->refresh_keys(id_of<ChatId>(1), outcomes.completion<void>());
      (void)alice.client->send(id_of<ChatId>(1), "text", outcomes.completion<void>()).ok();
    }
  };
  SECTION("by close") {
    ask(100);
    alice.client->close([&] { ++told; });
  }
  SECTION("by the destructor") {
    ask(100);
    alice.client->close([&] { ++told; });
    alice.client.reset();
  }
  SECTION("by the destructor inside a completion") {
    const std::lock_guard calling(owner);
    alice.client->find_user("nobody", [&](const Result<UserId>&) {
      const std::lock_guard lock(owner);
      ask(100);
      alice.client->close([&] { ++told; });
      alice.client.reset();
    });
  }
  SECTION("by the destructor inside a completion, after the client has long ended") {
    const std::lock_guard calling(owner);
    alice.client->find_user("nobody", [&](const Result<UserId>&) {
      const std::lock_guard lock(owner);
      ask(100);
      alice.client->close([&] { ++told; });
      // By now the client's own thread has ended, and this is the last owner of the executor.
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      alice.client.reset();
    });
  }
  REQUIRE(eventually([&] { return told == 1; }));
  CHECK(outcomes.asked == 300);
  CHECK(outcomes.done == 300);
}

TEST_CASE("A deleted account leaves an empty folder, and the client can begin anew in it") {
  Server server;
  App alice(server, "alice");
  App bob(server, "bob");
  alice.register_account("alice");
  bob.register_account("bob");
  const auto chat = must(bob.client->create_direct_chat(alice.user));
  const std::string secret = "to be found nowhere afterwards";
  for (int i = 0; i < 300; ++i) must(bob.client->send(chat, secret + std::string(10'000, 'x')));
  must(bob.client->send(chat, "a file", {OutgoingAttachment{{}, {}, std::vector<std::uint8_t>(100'000, 7)}}));
  REQUIRE(eventually([&] { return alice.seen->texts().size() == 301; }));
  const auto file = bob.config.data_dir + "/sotto.db";
  CHECK(std::filesystem::file_size(file) + std::filesystem::file_size(file + "-wal") > 3'000'000);

  CHECK_FALSE(outcome([&](auto done) { bob.client->delete_account(done); }));
  CHECK_FALSE(must(bob.client->account()).has_value());
  CHECK(bob.client->send(chat, "?").code() == ErrorCode::NOT_REGISTERED);
  CHECK(must(bob.client->chats()).empty());
  REQUIRE(eventually([&] { return bob.client->connection() == ConnectionState::offline; }));
  CHECK(std::filesystem::file_size(file) < 500'000);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(bob.config.data_dir)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(in), {});
    CAPTURE(entry.path());
    CHECK(content.find(secret) == std::string::npos);
    CHECK(entry.path().parent_path() == bob.config.data_dir);  // Nothing in media/.
  }
  CHECK(blocking<UserId>([&](auto done) { alice.client->find_user("bob", done); }).code() == ErrorCode::UNKNOWN_USER);

  const auto before = bob.user;
  bob.register_account("bob");
  CHECK(bob.user != before);
  CHECK(must(bob.client->account())->user == bob.user);
  must(alice.client->create_direct_chat(bob.user));
}

TEST_CASE("A device that is logged out says so, also after it is opened again, until it connects") {
  Server server;
  App alice(server, "alice");
  alice.register_account("alice");
  REQUIRE(alice.online());
  CHECK_FALSE(must(alice.client->account())->logged_out);
  CHECK(outcome([&](auto done) { alice.client->set_push_token("x", Urgency::normal, done); }) ==
        ErrorCode::UNSUPPORTED);  // The relay has no push.
  CHECK(outcome([&](auto done) { alice.client->set_push_token(std::string(4097, 'x'), Urgency::normal, done); }) ==
        ErrorCode::INVALID_ARGUMENT);
  CHECK(outcome([&](auto done) { alice.client->set_push_token("x", Urgency::none, done); }) ==
        ErrorCode::INVALID_ARGUMENT);
  CHECK_FALSE(outcome([&](auto done) { alice.client->log_out(LogOutData::keep, done); }));
  REQUIRE(eventually([&] { return alice.client->connection() == ConnectionState::offline; }));
  CHECK(must(alice.client->account())->logged_out);
  alice.client.reset();
  alice.open();
  CHECK(must(alice.client->account())->logged_out);
  alice.client->connect();
  REQUIRE(alice.online());
  CHECK_FALSE(must(alice.client->account())->logged_out);
  CHECK(must(alice.client->account())->user == alice.user);
}

TEST_CASE("The destructor may run inside an event") {
  Server server;
  auto config = App::config_of(server, "alice");
  std::mutex mutex;
  std::unique_ptr<Client> client;
  std::atomic<int> after{0};
  std::atomic<bool> gone{false};
  config.connect_at_open = false;
  config.on_event = [&](const Event&) {
    if (gone) ++after;
    const std::lock_guard lock(mutex);
    client.reset();
    gone = true;
  };
  {
    const std::lock_guard lock(mutex);
    client = must(Client::open(config));
    client->register_account("alice", {});
  }
  REQUIRE(eventually([&] { return gone.load(); }));
  // Another one takes the folder as soon as the thread has let go of it.
  config.on_event = {};
  std::unique_ptr<Client> next;
  REQUIRE(eventually([&] {
    auto opened = Client::open(config);
    if (opened.ok()) next = std::move(*opened);
    return next != nullptr;
  }));
  CHECK(after == 0);
}

TEST_CASE("Callbacks run where the app wants them, one at a time, in order") {
  Server server;
  auto config = App::config_of(server, "alice");
  const auto executor = std::make_shared<ManualExecutor>();
  config.executor = executor;
  std::vector<ConnectionState> states;
  std::thread::id where;
  config.on_event = [&](const Event& event) {
    where = std::this_thread::get_id();
    if (const auto* changed = std::get_if<ConnectionChanged>(&event)) states.push_back(changed->state);
  };
  auto client = must(Client::open(config));
  std::optional<Result<UserId>> registered;
  client->register_account("alice", [&](Result<UserId> result) { registered = std::move(result); });
  REQUIRE(eventually([&] { return client->connection() == ConnectionState::online; }));
  CHECK(states.empty());
  CHECK_FALSE(registered.has_value());
  REQUIRE(eventually([&] {
    executor->run_all();
    return !states.empty() && states.back() == ConnectionState::online;
  }));
  CHECK(states.front() == ConnectionState::connecting);
  CHECK(std::ranges::is_sorted(states));
  CHECK(where == std::this_thread::get_id());
  REQUIRE(registered.has_value());
  CHECK(registered->ok());

  bool told = false;
  std::optional<ErrorCode> code;
  (void)client->send(id_of<ChatId>(1), "x", [&](Result<void> result) { code = result.code(); }).ok();
  const auto before = states.size();
  client->close([&] { told = true; });
  client.reset();  // does not wait for an executor that nobody runs
  CHECK_FALSE(told);
  executor->run_all();
  CHECK(told);
  CHECK(code.has_value());
  CHECK(states.size() == before);
}

TEST_CASE("An executor that is thrown away takes its tasks with it") {
  Server server;
  auto config = App::config_of(server, "alice");
  config.executor = std::make_shared<ManualExecutor>();
  auto client = must(Client::open(config));
  config.executor.reset();
  client->register_account("alice", {});
  client->close([] {});
  client.reset();
}

TEST_CASE("Many threads read while others write") {
  Server server;
  App alice(server, "alice");
  App bob(server, "bob");
  alice.register_account("alice");
  bob.register_account("bob");
  const auto chat = must(alice.client->create_direct_chat(bob.user));
  constexpr int writers = 2;
  constexpr int each = 50;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto page = alice.client->messages(chat, {{}, 200});
        if (!page.ok()) ++wrong;
        for (std::size_t k = 1; page.ok() && k < page->size(); ++k) {
          if ((*page)[k].position >= (*page)[k - 1].position) ++wrong;
        }
        if (!alice.client->chats().ok() || !alice.client->account().ok()) ++wrong;
        (void)alice.client->connection();
      }
    });
  }
  std::vector<std::thread> senders;
  for (int i = 0; i < writers; ++i) {
    senders.emplace_back([&, i] {
      for (int k = 0; k < each; ++k) {
        if (!alice.client->send(chat, std::to_string(i * each + k)).ok()) ++wrong;
      }
    });
  }
  for (auto& thread : senders) thread.join();
  const bool arrived = eventually([&] { return bob.seen->texts().size() == writers * each; });
  stop = true;
  for (auto& thread : readers) thread.join();
  CHECK(arrived);
  CHECK(wrong == 0);
}

TEST_CASE("Many clients are opened, used and closed") {
  Server server;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::unique_ptr<App>> apps;
    for (int i = 0; i < 10; ++i) {
      apps.push_back(std::make_unique<App>(server, "user" + std::to_string(i)));
    }
    for (int i = 0; i < 10; ++i) apps[static_cast<std::size_t>(i)]->register_account("user" + std::to_string(i));
    // Some end while they are busy.
    for (int i = 0; i < 10; i += 2) {
      (void)apps[static_cast<std::size_t>(i)]->client->create_direct_chat(apps[static_cast<std::size_t>(i + 1)]->user);
    }
  }
}
