// A server and clients on loopback, whose events a test can wait for.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "net/certificate.h"
#include "net/client_loop.h"
#include "net/server.h"
#include "support/catch.h"
#include "support/temp_dir.h"

namespace sotto::test {

/// Long enough for any machine; only a failing test waits so long.
inline constexpr std::chrono::seconds patience{30};

/// State that one thread changes and the test waits on.
template <typename State>
class Watched {
 public:
  template <typename Change>
  auto with(Change change) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    return change(state_);
  }
  template <typename Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return predicate(state_); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_;
};

struct Certificates {
  TempDir dir;
  std::string certificate = dir.file("cert.pem");
  std::string key = dir.file("key.pem");
  Certificates() { make(); }
  void make() const {
    const auto made = net::make_self_signed_certificate(certificate, key, {});
    if (!made.ok()) FAIL(made.error().message);
  }
};

struct ServerState {
  std::vector<net::ConnectionId> opened;
  std::vector<net::Encoding> encodings;  // of those opened
  std::set<net::ConnectionId> open;
  std::set<std::string> peers;
  std::map<net::ConnectionId, Bytes> received;  // all messages, joined
  std::size_t messages = 0;
  std::vector<std::size_t> message_sizes;
  std::vector<net::Drained> drained;
  std::size_t closed = 0;
  std::size_t refused = 0;  // as one address's too many
};

class TestServer final : public net::ServerHandler {
 public:
  enum class Mode { record, echo };

  explicit TestServer(const Certificates& certificates, Mode mode = Mode::record, net::ServerConfig config = {})
      : mode_(mode) {
    config.certificate_path = certificates.certificate;
    config.key_path = certificates.key;
    auto started = net::Server::start(config, *this);
    if (!started.ok()) FAIL(started.error().message);
    const std::lock_guard lock(server_mutex_);
    server_ = std::move(started).value();
  }
  ~TestServer() override { server_->stop(std::chrono::milliseconds(500)); }

  void on_events(std::vector<net::ServerEvent>&& events) override {
    std::vector<net::ServerAction> answers;
    state.with([&](ServerState& s) {
      for (auto& event : events) {
        if (auto* opened = std::get_if<net::Opened>(&event)) {
          s.opened.push_back(opened->id);
          s.encodings.push_back(opened->encoding);
          s.open.insert(opened->id);
          s.peers.insert(opened->peer_address);
        } else if (auto* message = std::get_if<net::Message>(&event)) {
          append(s.received[message->id], message->bytes);
          ++s.messages;
          s.message_sizes.push_back(message->bytes.size());
          if (mode_ == Mode::echo) {
            answers.push_back(net::Send{message->id, std::make_shared<const Bytes>(std::move(message->bytes))});
          }
        } else if (auto* drained = std::get_if<net::Drained>(&event)) {
          s.drained.push_back(*drained);
        } else if (auto* closed = std::get_if<net::Closed>(&event)) {
          s.open.erase(closed->id);
          ++s.closed;
        } else if (auto* refused = std::get_if<net::Refused>(&event)) {
          s.refused += refused->address;
        }
      }
    });
    const std::lock_guard lock(server_mutex_);  // events may come before `start` has returned
    server_->submit(std::move(answers));
  }

  void send(net::ConnectionId id, Bytes bytes) {
    server_->submit({net::Send{id, std::make_shared<const Bytes>(std::move(bytes))}});
  }
  net::Server& server() { return *server_; }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  /// The id of the nth connection, once it is open.
  net::ConnectionId nth(std::size_t n) {
    if (!state.wait([&](ServerState& s) { return s.opened.size() > n; })) FAIL("the connection did not open");
    return state.with([&](ServerState& s) { return s.opened[n]; });
  }

  Watched<ServerState> state;

 private:
  const Mode mode_;
  std::mutex server_mutex_;
  std::unique_ptr<net::Server> server_;
};

struct ClientState {
  std::set<net::ConnectionId> open;
  std::map<net::ConnectionId, Bytes> received;
  std::map<net::ConnectionId, std::size_t> messages;
  std::map<net::ConnectionId, std::vector<net::CloseInfo>> closed;
  std::size_t opens = 0;
  std::size_t wakes = 0;
  std::size_t timers = 0;
};

class TestClient final : public net::ClientHandler {
 public:
  explicit TestClient(const net::ClientOptions& options = {}) {
    auto created = net::ClientLoop::create(*this, options);
    if (!created.ok()) FAIL(created.error().message);
    loop_ = std::move(created).value();
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~TestClient() override { stop(); }
  void stop() {
    loop_->stop();
    if (thread_.joinable()) thread_.join();
  }

  /// Runs `task` on the loop's thread and waits for its result.
  template <typename Task>
  auto on_loop(Task task) {
    using Answer = std::invoke_result_t<Task, net::ClientLoop&>;
    auto answer = std::make_shared<Watched<std::optional<Answer>>>();
    tasks_.with([&](auto& tasks) {
      tasks.push_back([answer, task](net::ClientLoop& loop) {
        auto result = task(loop);
        answer->with([&](auto& slot) { slot.emplace(std::move(result)); });
      });
    });
    loop_->wake();
    if (!answer->wait([](auto& slot) { return slot.has_value(); })) FAIL("the loop does not run tasks");
    return answer->with([](auto& slot) { return std::move(*slot); });
  }

  Status connect(net::ConnectionId id, const net::Endpoint& endpoint) {
    return on_loop([=](net::ClientLoop& loop) { return loop.connect(id, endpoint); });
  }
  Status send(net::ConnectionId id, const Bytes& message) {
    return on_loop([=](net::ClientLoop& loop) { return loop.send(id, message); });
  }
  void close(net::ConnectionId id, std::uint16_t code = net::close_code::normal, const std::string& reason = {}) {
    on_loop([=](net::ClientLoop& loop) {
      loop.close(id, code, reason);
      return true;
    });
  }
  bool wait_open(net::ConnectionId id) {
    return state.wait([=](ClientState& s) { return s.open.contains(id); });
  }
  net::CloseInfo wait_closed(net::ConnectionId id) {
    if (!state.wait([=](ClientState& s) { return s.closed.contains(id); })) FAIL("the connection did not close");
    return state.with([=](ClientState& s) { return s.closed[id].front(); });
  }
  bool wait_received(net::ConnectionId id, std::size_t bytes) {
    return state.wait([=](ClientState& s) { return s.received[id].size() >= bytes; });
  }
  Bytes received(net::ConnectionId id) {
    return state.with([=](ClientState& s) { return s.received[id]; });
  }
  net::ClientLoop& loop() { return *loop_; }

  void on_wake() override {
    std::vector<std::function<void(net::ClientLoop&)>> tasks;
    tasks_.with([&](auto& waiting) { tasks.swap(waiting); });
    state.with([](ClientState& s) { ++s.wakes; });
    for (auto& task : tasks) task(*loop_);
  }
  void on_timer() override {
    state.with([](ClientState& s) { ++s.timers; });
  }
  void on_open(net::ConnectionId id) override {
    state.with([&](ClientState& s) {
      s.open.insert(id);
      ++s.opens;
    });
  }
  void on_message(net::ConnectionId id, Bytes message) override {
    state.with([&](ClientState& s) {
      append(s.received[id], message);
      ++s.messages[id];
    });
  }
  void on_close(net::ConnectionId id, net::CloseInfo info) override {
    state.with([&](ClientState& s) {
      s.open.erase(id);
      s.closed[id].push_back(std::move(info));
    });
  }

  Watched<ClientState> state;

 private:
  Watched<std::vector<std::function<void(net::ClientLoop&)>>> tasks_;
  std::unique_ptr<net::ClientLoop> loop_;
  std::thread thread_;
};

inline net::Endpoint endpoint_of(std::uint16_t port, const Certificates& certificates,
                                 const std::string& host = "127.0.0.1") {
  net::Endpoint out;
  out.host = host;
  out.port = port;
  out.trust.roots = net::TrustRoots::file;
  out.trust.ca = certificates.certificate;
  return out;
}

/// Bytes that show a swap, a loss or a repeat.
inline Bytes pattern(std::size_t size, std::uint32_t seed = 1) {
  Bytes out(size);
  for (auto& byte : out) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(seed >> 24);
  }
  return out;
}

}  // namespace sotto::test
