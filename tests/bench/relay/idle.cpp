#include "relay/idle.h"

#include <future>
#include <thread>

#include "load/must.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::bench {

namespace {

using namespace std::chrono_literals;

/// Handshakes at a time: a server that was restarted has many.
constexpr std::size_t at_a_time = 16;

class Idle final : public WebSocket {
 public:
  using WebSocket::WebSocket;

  /// The envelopes of the next message.
  std::vector<wire::Envelope> next() { return must(wire::decode_frame(receive_blocking()), "a frame of the relay"); }
  /// Waits for its answer; pushes on the way are dropped.
  void ask(const wire::Request& request) {
    wire::Envelope envelope;
    envelope.set_id(1);
    *envelope.mutable_request() = request;
    Bytes message;
    append_message(message, wire::encode(envelope));
    write_blocking(message);
    for (;;) {
      for (const auto& one : next()) {
        if (one.has_response()) return must(wire::status_of(one.response()), "an answer");
      }
    }
  }

 private:
  void on_message(ByteView /*message*/) override {}
};

std::vector<std::unique_ptr<Idle>> connect_account(RelayProcess& relay, TlsVersion version, std::size_t devices) {
  SystemRandom random;
  const Account account(random, devices);
  std::vector<std::unique_ptr<Idle>> out;
  for (std::size_t i = 0; i < devices; ++i) {
    auto& one = out.emplace_back(std::make_unique<Idle>(relay.ssl(version), relay.port(), "sotto.v1"));
    const auto challenge = one->next();
    const auto nonce = to_bytes(wire::view(challenge.at(0).push().challenge().nonce()));
    if (i == 0) one->ask(account.registration(nonce));
    one->ask(account.authentication(nonce, account.devices[i], 1, 0));
  }
  return out;
}

/// After a while without handshakes, which have given their memory back then.
std::uint64_t settled_memory(const RelayProcess& relay) {
  std::this_thread::sleep_for(4s);
  return relay.process().memory();
}

}  // namespace

Figures idle_connections(RelayProcess& relay, std::size_t count, TlsVersion version) {
  connect_account(relay, version, 1);  // makes the TLS context, too, before threads share it
  const auto before = settled_memory(relay);
  const auto devices = wire::limits::devices_per_user;
  std::vector<std::unique_ptr<Idle>> all;
  const auto from = Clock::now();
  const auto cpu = relay.process().usage().cpu_seconds;
  while (all.size() < count) {
    std::vector<std::future<std::vector<std::unique_ptr<Idle>>>> threads;
    for (std::size_t i = 0; i < at_a_time && all.size() + i * devices < count; ++i) {
      threads.push_back(std::async(std::launch::async, [&] { return connect_account(relay, version, devices); }));
    }
    for (auto& thread : threads) {
      for (auto& one : thread.get()) all.push_back(std::move(one));
    }
  }
  const double took = std::chrono::duration<double>(Clock::now() - from).count();
  const double cpu_used = relay.process().usage().cpu_seconds - cpu;
  const auto after = settled_memory(relay);
  const auto connections = static_cast<double>(all.size());
  if (relay.metric("sotto_connections{kind=\"main\"}") != connections) give_up("not all connections are there");
  return {{"kib_a_connection", static_cast<double>(after - before) / 1024 / connections},
          {"connections", connections},
          {"base_mib", static_cast<double>(before) / (1 << 20)},
          {"connected_a_second", connections / took},
          {"cpu_us_a_connection", cpu_used * 1e6 / connections}};
}

}  // namespace sotto::bench
