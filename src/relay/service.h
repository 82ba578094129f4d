// Joins the core to the network and to the clock: one thread that takes all that waits, steps, and hands out.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "net/server.h"
#include "relay/admin.h"
#include "relay/backend/sqlite_backend.h"
#include "relay/code_sender.h"
#include "relay/core.h"
#include "relay/json_connections.h"
#include "relay/push_gateway.h"

namespace sotto::relay {

struct ServiceConfig {
  std::string data_dir;
  net::ServerConfig server;
  CoreConfig core;
  /// Nothing: no admin port.
  std::optional<AdminConfig> admin;
  /// Nothing: no push.
  std::optional<net::WebhookConfig> push;
  /// For registration by code.
  std::optional<CodeSenderConfig> codes;
  Logger log;
};

/// Net thread → events → core thread → actions → net thread. Created by `start`, ended by `stop`.
class Service final : public net::ServerHandler, private AdminSource {
 public:
  /// Errors: those of SqliteBackend::open, AdminServer::start, net::Webhook::start and net::Server::start.
  static Result<std::unique_ptr<Service>> start(ServiceConfig config);
  ~Service() override;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::optional<std::uint16_t> admin_port() const;
  Status reload_certificate() { return server_->reload_certificate(); }
  void stop(std::chrono::milliseconds deadline);

 private:
  using SteadyClock = std::chrono::steady_clock;
  /// Events of one turn of the net thread's loop.
  struct Arrived {
    SteadyClock::time_point at;
    std::vector<net::ServerEvent> events;
  };
  enum class Phase { starting, serving, draining };

  explicit Service(ServiceConfig config) : config_(std::move(config)) {}

  void on_events(std::vector<net::ServerEvent>&& events) override;
  /// The backend has something to deliver. Any thread.
  void wake();
  void run();
  /// With the mutex: whether there is enough to do.
  [[nodiscard]] bool ready() const;
  /// Waits for something to do; gives what waits. False: the end.
  bool wait(std::vector<Arrived>& arrived);
  void step(std::vector<Arrived> arrived);
  void finish();
  void hand_out(Outputs outputs, std::vector<net::ServerAction> actions);
  /// What is to be done in a while, if it did not go at once: the checkpoint, and a look whether the disk takes writes.
  void upkeep(bool checkpoint);
  void publish();

  [[nodiscard]] Metrics metrics() const override;
  [[nodiscard]] std::string unready() const override;

  ServiceConfig config_;
  SystemRandom random_;
  /// The core's: it draws for each message.
  BufferedRandom core_random_{random_};
  std::unique_ptr<SqliteBackend> backend_;
  std::unique_ptr<Core> core_;
  JsonConnections json_;
  std::unique_ptr<PushGateway> push_;
  std::unique_ptr<CodeSender> codes_;
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<AdminServer> admin_;

  /// The core thread's own, and the copy of it for others.
  Metrics metrics_;
  std::atomic<Phase> phase_ = Phase::starting;
  mutable std::mutex published_mutex_;
  Metrics published_;
  bool checkpoint_waits_ = false;
  /// Set while writes fail.
  std::optional<SteadyClock::time_point> probe_at_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Arrived> waiting_;
  /// Of what waits, events that are not just a queue that drained.
  std::size_t urgent_ = 0;
  /// The backend has something to deliver, or a gateway.
  bool woken_ = false;
  bool run_under_way_ = false;
  bool drains_are_urgent_ = false;
  bool stopping_ = false;
  bool finished_ = false;
  std::optional<SteadyClock::time_point> timer_;
  std::mutex stop_mutex_;
  std::thread thread_;
};

}  // namespace sotto::relay
