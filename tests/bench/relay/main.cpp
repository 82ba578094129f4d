// What a sotto-relay carries, beside other servers under the same load: `bench_relay --relay PATH`. Each scenario runs
// with each system in turn, and all of it `--repeat` times, so that what else the machine does meets all alike.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <optional>

#include "load/must.h"
#include "load/pairs.h"
#include "load/report.h"
#include "peers/peers.h"
#include "relay/group.h"
#include "relay/idle.h"
#include "relay/relay_peer.h"

namespace {

using namespace sotto::bench;

struct Settings {
  std::string relay;
  std::string echo;
  std::string nats = "nats-server";
  std::string postgresql = "/usr/lib/postgresql/15/bin";
  std::vector<std::string> systems{"sotto"};
  std::vector<std::string> scenarios{"w32", "w1", "open1k", "open12k", "offline"};
  double seconds = 4;
  int repeat = 1;
  std::size_t connections = 9'000;
  std::string json;
};

using MakePeer = std::function<std::unique_ptr<Peer>()>;

std::map<std::string, MakePeer> systems(const Settings& settings) {
  return {{"sotto", [&settings] { return std::make_unique<RelayPeer>(settings.relay); }},
          {"redis-always", [] { return make_redis(); }},
          {"nats-always", [&settings] { return make_nats(settings.nats, NatsSync::always); }},
          {"nats-default", [&settings] { return make_nats(settings.nats, NatsSync::by_default); }},
          {"mosquitto", [] { return make_mosquitto(); }},
          {"ejabberd", [] { return make_ejabberd(); }},
          {"postgresql", [&settings] { return make_postgresql(settings.postgresql); }},
          {"echo", [&settings] { return make_echo(settings.echo); }}};
}

/// More messages a pair than any server here takes in the time.
std::uint64_t most_of(const Settings& settings, double messages_a_second) {
  return static_cast<std::uint64_t>(messages_a_second * (settings.seconds + 2)) + 100;
}

Figures with_pairs(const std::string& scenario, Loop& loop, Peer& peer, const Settings& settings) {
  if (scenario == "w32") return Pairs(loop, peer, 50, most_of(settings, 10'000)).closed_loop(32, settings.seconds);
  if (scenario == "w1") return Pairs(loop, peer, 200, most_of(settings, 400)).closed_loop(1, settings.seconds);
  if (scenario == "open1k") return Pairs(loop, peer, 50, most_of(settings, 20)).open_loop(1'000, settings.seconds);
  if (scenario == "open12k") return Pairs(loop, peer, 50, most_of(settings, 240)).open_loop(12'000, settings.seconds);
  if (scenario == "offline") return Pairs(loop, peer, 50, 4'000).store_and_drain(32, 4'000);
  give_up("no scenario " + scenario);
}

/// What is asked of the relay alone, with names as "chats10000": nothing if the scenario is none of these.
std::optional<Figures> alone(const std::string& scenario, const Settings& settings) {
  const auto digits = std::min(scenario.find_first_of("0123456789"), scenario.size());
  const auto name = scenario.substr(0, digits);
  const auto number = std::strtoul(scenario.c_str() + digits, nullptr, 10);
  if (name == "idle-tls" || name == "group") {
    RelayProcess relay(settings.relay);
    if (name == "group") return group_messages(relay, number, 100, settings.seconds);
    return idle_connections(relay, settings.connections, number == 12 ? TlsVersion::tls12 : TlsVersion::any);
  }
  if (name == "chats") {
    constexpr std::size_t pairs = 50;
    Loop loop;
    RelayPeer peer(settings.relay, number / pairs);
    return Pairs(loop, peer, pairs, most_of(settings, 4'000)).closed_loop(4, settings.seconds);
  }
  if (name == "backlog") {
    Loop loop;
    RelayPeer peer(settings.relay);
    Pairs pairs(loop, peer, 50, number / 50);
    return pairs.store_and_drain(32, number / 50);
  }
  if (name == "kill") {
    Loop loop;
    RelayPeer peer(settings.relay);
    Pairs pairs(loop, peer, 20, 20'000);
    return pairs.interrupted(8, static_cast<int>(number), 0.7, [&peer] { peer.kill_and_restart(); });
  }
  return std::nullopt;
}

void run(const Settings& settings) {
  Report report;
  const auto makers = systems(settings);
  for (int i = 0; i < settings.repeat; ++i) {
    for (const auto& scenario : settings.scenarios) {
      if (const auto figures = alone(scenario, settings)) {
        report.add(scenario, "sotto", *figures);
        continue;
      }
      for (const auto& system : settings.systems) {
        const auto maker = makers.find(system);
        if (maker == makers.end()) give_up("no system " + system);
        try {
          Loop loop;
          const auto peer = maker->second();
          if (scenario == "offline" && !peer->stores()) {
            report.leave_out(scenario, system, "stores nothing");
          } else {
            report.add(scenario, system, with_pairs(scenario, loop, *peer, settings));
          }
        } catch (const NotHere& why) {
          report.leave_out(scenario, system, std::string("not here: ") + why.what());
        }
      }
    }
  }
  std::printf("%s", report.table("sotto").c_str());
  if (!settings.json.empty()) std::ofstream(settings.json) << report.json();
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Figures of sotto-relay and of other servers under the same load");
  app.add_option("--relay", settings.relay, "The program sotto-relay")->required()->check(CLI::ExistingFile);
  app.add_option("--echo", settings.echo, "The program bench_echo");
  app.add_option("--nats", settings.nats, "The program nats-server")->capture_default_str();
  app.add_option("--postgresql", settings.postgresql, "The folder of initdb and postgres")->capture_default_str();
  app.add_option("--systems", settings.systems, "What to measure")->delimiter(',')->capture_default_str();
  app.add_option("--scenarios", settings.scenarios, "How")->delimiter(',')->capture_default_str();
  app.add_option("--seconds", settings.seconds, "Of each closed and open loop")->capture_default_str();
  app.add_option("--repeat", settings.repeat, "How often all of it")->capture_default_str();
  app.add_option("--connections", settings.connections, "Of idle-tls13 and idle-tls12")->capture_default_str();
  app.add_option("--json", settings.json, "File for every single figure");
  CLI11_PARSE(app, argc, argv);
  try {
    run(settings);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_relay: %s\n", error.what());
    return 1;
  }
}
