// Figures of one client, with encryption and storage, over a relay of its own on loopback: `bench_client --relay PATH`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "client/big_store.h"
#include "client/people.h"
#include "load/process.h"
#include "load/report.h"

namespace {

using namespace sotto::bench;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

/// A user may send 2,000 messages at once in a chat, and then 200 a second.
constexpr std::uint64_t messages_a_chat = 1'900;

struct Settings {
  std::string relay;
  std::string idle_folder;
  std::string url;
  std::string ca;
  std::string json;
  std::uint64_t messages = 1'900;
  std::uint64_t waiting = 10'000;
  std::uint64_t chats = 1'000;
  std::uint64_t messages_each = 1'000;
};

/// Alice and Bob with so many groups of the two.
struct Couple {
  TempFolder folder;
  std::string url;
  std::string ca;
  std::unique_ptr<Process> relay;
  std::unique_ptr<Person> alice;
  std::unique_ptr<Person> bob;
  std::vector<sotto::ChatId> chats;

  explicit Couple(const std::string& program) {
    const auto port = free_port();
    relay = std::make_unique<Process>(
        std::vector<std::string>{program, "--data", folder.path() + "/relay", "--port", std::to_string(port)},
        folder.path() + "/log");
    relay->wait_for_port(port);
    url = "wss://localhost:" + std::to_string(port);
    ca = folder.path() + "/relay/cert.pem";
    alice = std::make_unique<Person>(folder.path() + "/alice", url, ca);
    bob = std::make_unique<Person>(folder.path() + "/bob", url, ca);
    alice->open();
    bob->open();
    alice->register_as("alice");
    id_of_bob = bob->register_as("bob");
    must(sotto::blocking<sotto::UserId>([&](auto done) { alice->client().find_user("bob", done); }), "find");
  }
  /// Both are in it, and Bob has had a message.
  void add_chat() {
    sotto::GroupSpec spec;
    spec.participants = {id_of_bob};
    spec.name = "group";
    chats.push_back(must(alice->client().create_group(std::move(spec)), "create_group"));
    const auto before = bob->received.count();
    must(alice->client().send(chats.back(), "first"), "send");
    bob->received.wait_for(before + 1);
    alice->sent.wait_for(++sent);
  }
  void send(std::uint64_t count) {
    const std::string text(100, 'x');
    for (std::uint64_t i = 0; i < count; ++i) {
      // 10,000 commands may wait in a client.
      if (i % 5'000 == 4'999) alice->sent.wait_for(sent + i - 4'000);
      must(alice->client().send(chats.at(i / messages_a_chat), text), "send");
    }
    sent += count;
  }
  sotto::UserId id_of_bob;
  std::uint64_t sent = 0;
};

void talk_and_catch_up(const Settings& settings, Report& report) {
  Couple couple(settings.relay);
  for (std::uint64_t i = 0; i * messages_a_chat < std::max(settings.waiting, settings.messages); ++i) couple.add_chat();

  const auto before = couple.bob->received.count();
  auto from = Clock::now();
  couple.send(settings.messages);
  couple.alice->sent.wait_for(couple.sent);
  const double sent = seconds_since(from);
  couple.bob->received.wait_for(before + settings.messages);
  report.add("one pair", "sotto",
             {{"sent_a_second", static_cast<double>(settings.messages) / sent},
              {"received_a_second", static_cast<double>(settings.messages) / seconds_since(from)}});

  // Fresh chats, since what was sent counts for the relay's limit.
  couple.chats.clear();
  for (std::uint64_t i = 0; i * messages_a_chat < settings.waiting; ++i) couple.add_chat();
  couple.bob->close();
  couple.send(settings.waiting);
  couple.alice->sent.wait_for(couple.sent);
  const auto had = couple.bob->received.count();
  from = Clock::now();
  couple.bob->open();
  couple.bob->received.wait_for(had + settings.waiting);
  report.add("catching up", "sotto",
             {{"seconds", seconds_since(from)}, {"messages", static_cast<double>(settings.waiting)}});
}

void idle_and_big(const Settings& settings, const std::string& self, Report& report) {
  Couple couple(settings.relay);
  couple.add_chat();
  couple.bob->close();
  {
    // A process of its own, linked with the shared library as an app is.
    const Process idle({self, "--relay", settings.relay, "--idle", couple.folder.path() + "/bob", "--url", couple.url,
                        "--ca", couple.ca},
                       couple.folder.path() + "/idle-log");
    static_cast<void>(idle.wait_for("idle "));
    report.add("idle client", "sotto",
               {{"rss_mib", static_cast<double>(idle.resident()) / (1 << 20)},
                {"pss_mib", static_cast<double>(idle.memory()) / (1 << 20)}});
  }
  grow_store(couple.folder.path() + "/bob", settings.chats, settings.messages_each);
  std::vector<double> opened;
  std::vector<double> chats;
  std::vector<double> messages;
  for (int i = 0; i < 5; ++i) {
    auto from = Clock::now();
    couple.bob->open(false);
    opened.push_back(seconds_since(from) * 1e3);
    from = Clock::now();
    const auto page = must(couple.bob->client().chats(50), "chats");
    chats.push_back(seconds_since(from) * 1e3);
    if (page.size() != std::min<std::size_t>(50, settings.chats)) give_up("the store has fewer chats");
    from = Clock::now();
    const auto history = must(couple.bob->client().messages(page.back().id), "messages");
    messages.push_back(seconds_since(from) * 1e3);
    if (history.empty()) give_up("a chat without messages");
    couple.bob->close();
  }
  for (auto* all : {&opened, &chats, &messages}) std::sort(all->begin(), all->end());
  report.add("opening", "sotto", {{"open_ms", opened[2]}, {"chats_ms", chats[2]}, {"messages_ms", messages[2]}});
}

/// Opens the store, catches up, and waits to be stopped.
int be_idle(const Settings& settings) {
  Person person(settings.idle_folder, settings.url, settings.ca);
  person.open();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  std::printf("idle %s\n", settings.idle_folder.c_str());
  std::fflush(stdout);
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(60));
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Figures of one client with encryption and storage");
  app.add_option("--relay", settings.relay, "The program sotto-relay")->required()->check(CLI::ExistingFile);
  app.add_option("--messages", settings.messages, "Of one pair")->capture_default_str();
  app.add_option("--waiting", settings.waiting, "Messages to catch up on")->capture_default_str();
  app.add_option("--chats", settings.chats, "Of the large store")->capture_default_str();
  app.add_option("--messages-each", settings.messages_each, "In each of them")->capture_default_str();
  app.add_option("--json", settings.json, "File for every single figure");
  app.add_option("--idle", settings.idle_folder)->group("");
  app.add_option("--url", settings.url)->group("");
  app.add_option("--ca", settings.ca)->group("");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!settings.idle_folder.empty()) return be_idle(settings);
    Report report;
    talk_and_catch_up(settings, report);
    idle_and_big(settings, argv[0], report);
    if (!settings.json.empty()) std::ofstream(settings.json) << report.json();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_client: %s\n", error.what());
    return 1;
  }
}
