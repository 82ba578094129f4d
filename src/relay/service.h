// Joins the core to the network and to the clock: one thread that takes all that waits, steps, and hands out.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "net/server.h"
#include "relay/backend/sqlite_backend.h"
#include "relay/core.h"
#include "relay/json_connections.h"

namespace sotto::relay {

struct ServiceConfig {
  std::string data_dir;
  net::ServerConfig server;
  CoreConfig core;
  Logger log;
};

/// Net thread → events → core thread → actions → net thread. Created by `start`, ended by `stop`.
class Service final : public net::ServerHandler {
 public:
  /// Errors: those of SqliteBackend::open and net::Server::start.
  static Result<std::unique_ptr<Service>> start(ServiceConfig config);
  ~Service() override;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  void stop(std::chrono::milliseconds deadline);

 private:
  explicit Service(ServiceConfig config) : config_(std::move(config)) {}

  void on_events(std::vector<net::ServerEvent>&& events) override;
  /// The backend has something to deliver. Any thread.
  void wake();
  void run();
  /// Waits for something to do; gives what waits. False: the end.
  bool wait(std::vector<net::ServerEvent>& events);
  void step(std::vector<net::ServerEvent> events);
  void finish();
  void hand_out(Outputs outputs, std::vector<net::ServerAction> actions);

  ServiceConfig config_;
  SystemRandom random_;
  std::unique_ptr<SqliteBackend> backend_;
  std::unique_ptr<Core> core_;
  JsonConnections json_;
  std::unique_ptr<net::Server> server_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<net::ServerEvent> waiting_;
  /// Something waits that is not just a queue that drained.
  bool urgent_ = false;
  bool drains_are_urgent_ = false;
  bool stopping_ = false;
  bool finished_ = false;
  std::optional<std::chrono::steady_clock::time_point> timer_;
  std::mutex stop_mutex_;
  std::thread thread_;
};

}  // namespace sotto::relay
