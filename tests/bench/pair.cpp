// Figures of one relay and its clients in one process, over wss on loopback: how many messages a second one pair of
// clients carries (encrypt, durable at the relay, decrypt, stored), how long a message takes, how long a group of 100
// takes to be made, and a message to all 99. Usage: bench_pair [MESSAGES [USERS]]
#include <stdlib.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sotto/blocking.h"
#include "sotto/client.h"
#include "sotto/relay.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

template <typename T>
T must(sotto::Result<T> result, const char* what) {
  if (!result.ok()) give_up(std::string(what) + ": " + result.error().message);
  return std::move(*result);
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Counts what the clients tell, and lets the main thread wait for a number of it.
class Counter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(10), [&] { return count_ >= count; })) give_up("timed out");
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

struct User {
  std::unique_ptr<sotto::Client> client;
  sotto::UserId id;
};

struct Bench {
  std::string folder;
  std::unique_ptr<sotto::Relay> relay;
  Counter received;

  User start(const std::string& name) {
    sotto::ClientConfig config;
    config.data_dir = folder + "/" + name;
    config.relay_url = relay->url();
    config.ca_file = relay->certificate_path();
    config.on_event = [this](const sotto::Event& event) {
      const auto* added = std::get_if<sotto::MessageAdded>(&event);
      if (added == nullptr || added->message.kind != sotto::MessageKind::text) return;
      if (added->message.state == sotto::MessageState::received) received.add();
    };
    User user;
    user.client = must(sotto::Client::open(std::move(config)), "open");
    auto& client = *user.client;
    user.id = must(sotto::blocking<sotto::UserId>([&](auto done) { client.register_account(name, done); }), "register");
    return user;
  }
};

void pair(Bench& bench, std::size_t messages) {
  const User alice = bench.start("alice");
  const User bob = bench.start("bob");
  const auto found =
      must(sotto::blocking<sotto::UserId>([&](auto done) { alice.client->find_user("bob", done); }), "find");
  const auto chat = must(alice.client->create_direct_chat(found), "create_direct_chat");
  must(alice.client->send(chat, "first"), "send");
  bench.received.wait(1);
  std::size_t received = 1;

  std::vector<double> times;
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    must(alice.client->send(chat, "one at a time"), "send");
    bench.received.wait(++received);
    times.push_back(seconds_since(start));
  }
  std::sort(times.begin(), times.end());
  std::printf("one message, send to stored at the other: p50 %.2f ms, p99 %.2f ms\n", times[100] * 1e3,
              times[198] * 1e3);

  // The relay lets 2,000 messages of a user and chat through at once, and then fewer a second than this measures.
  const std::string text(100, 'x');
  const auto start = Clock::now();
  for (std::size_t i = 0; i < messages; ++i) must(alice.client->send(chat, text), "send");
  bench.received.wait(received + messages);
  const double took = seconds_since(start);
  std::printf("one pair, %zu messages of 100 bytes: %.0f messages/s\n", messages, static_cast<double>(messages) / took);
}

void group(Bench& bench, std::size_t users) {
  std::vector<User> all;
  for (std::size_t i = 0; i < users; ++i) all.push_back(bench.start("user" + std::to_string(i)));
  sotto::GroupSpec spec;
  spec.name = "all";
  auto& owner = *all[0].client;
  for (std::size_t i = 1; i < users; ++i) {
    spec.participants.push_back(must(
        sotto::blocking<sotto::UserId>([&](auto done) { owner.find_user("user" + std::to_string(i), done); }), "find"));
  }
  const auto is_active = [](const User& user, const sotto::ChatId& chat) {
    const auto known = user.client->chat(chat);
    return known.ok() && known->status == sotto::ChatStatus::active;
  };
  const auto wait_active = [&](auto first, auto last, const sotto::ChatId& chat) {
    while (!std::all_of(first, last, [&](const User& user) { return is_active(user, chat); })) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };

  auto start = Clock::now();
  const auto chat = must(owner.create_group(std::move(spec)), "create_group");
  wait_active(all.begin(), all.begin() + 1, chat);
  std::printf("group of %zu users: made after %.2f s", users, seconds_since(start));
  wait_active(all.begin() + 1, all.end(), chat);
  std::printf(", joined by all after %.2f s\n", seconds_since(start));

  Counter& received = bench.received;
  const auto before = received.count();
  start = Clock::now();
  must(owner.send(chat, "to all of you"), "send");
  received.wait(before + users - 1);
  std::printf("message to all %zu others, stored by the last: %.0f ms\n", users - 1, seconds_since(start) * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t messages = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1500;
  const std::size_t users = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100;
  std::string folder = (std::filesystem::temp_directory_path() / "sotto-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) give_up("no temporary folder");
  {
    Bench bench;
    bench.folder = folder;
    sotto::RelayConfig config;
    config.data_dir = folder + "/relay";
    bench.relay = must(sotto::Relay::start(config), "relay");
    pair(bench, messages);
    group(bench, users);
  }
  std::filesystem::remove_all(folder);
}
