// The one thread of a client: it feeds the engine with commands and with what the network says, and carries out what
// the engine asks for.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "client/engine.h"
#include "net/client_loop.h"

namespace sotto::client {

/// Lives until both its owner and its thread have let go of it.
class EngineThread final : public net::ClientHandler, public std::enable_shared_from_this<EngineThread> {
 public:
  struct Parts {
    std::unique_ptr<store::Database> db;
    net::Endpoint endpoint;
    std::shared_ptr<Executor> executor;
    /// The executor is the client's own: it lives until it has run everything.
    bool own_executor = false;
    std::function<void(const Event&)> on_event;
    EventLogging event_log;
    /// The store was emptied. On the client's thread.
    std::function<void()> on_erased;
    Logger log;
    bool connect_at_open = true;
    MediaFiles media;
  };
  static Result<std::shared_ptr<EngineThread>> start(Parts parts);

  /// Any thread. Errors: CLOSED, LIMIT_EXCEEDED (10,000 commands waiting).
  Status enqueue(Input command);
  /// Any thread; returns at once. `closed` runs last, on the executor.
  void stop(std::function<void()> closed);
  /// Waits for the thread's end, unless called on it or inside one of the client's callbacks.
  void join();

  [[nodiscard]] ConnectionState connection() const { return connection_.load(); }
  [[nodiscard]] bool stopped() const { return stopping_->load(); }

  void on_wake() override;
  void on_timer() override;
  void on_open(net::ConnectionId id) override;
  void on_message(net::ConnectionId id, Bytes message) override;
  void on_close(net::ConnectionId id, net::CloseInfo info) override;
  void on_stop() override;

  explicit EngineThread(Parts parts);

 private:
  void run();
  void step();
  void checkpoint();
  /// What was erased goes from the file, too.
  void shrink();
  void carry_out(Outputs outputs);
  /// On the main connection, if there is one.
  void say_farewell(Bytes frame);
  /// Connects, closes and sends on one of the two connections; `lost` is what the engine is told if that fails.
  void carry_out(net::ConnectionId& connection, NetworkAction action, std::vector<Bytes> frames,
                 const std::function<Input(Error)>& lost);
  void post(std::vector<std::function<void()>> callbacks);

  Parts parts_;
  SystemRandom random_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<net::ClientLoop> loop_;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<Input> commands_;
  std::function<void()> closed_;

  /// Shared with callbacks, which an app's executor may run later than this object lives.
  std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);
  std::atomic<ConnectionState> connection_{ConnectionState::offline};

  // On the thread only.
  /// When the WAL is emptied: what was erased must not stay there.
  std::optional<std::chrono::steady_clock::time_point> checkpoint_at_;
  std::vector<Input> from_network_;
  /// 0: none.
  net::ConnectionId connection_id_ = 0;
  net::ConnectionId media_connection_id_ = 0;
  net::ConnectionId last_connection_id_ = 0;
  /// What the engine's end is to tell the app.
  std::vector<std::function<void()>> last_callbacks_;
};

}  // namespace sotto::client
