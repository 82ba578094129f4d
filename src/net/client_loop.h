// The client's event loop: wake-ups, one timer, and WebSocket connections, all on one thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/endpoint.h"
#include "net/transport.h"

namespace sotto::net {

struct CloseInfo {
  /// The code of the Close frame that came (or that we sent), `close_code::abnormal` if there was none.
  std::uint16_t code = close_code::abnormal;
  /// Printable ASCII; whatever else the peer sent is replaced.
  std::string reason;
  /// CLOSED after our own `close`; TLS_FAILED if the certificate was refused or the handshake broke; PROTOCOL_ERROR if
  /// the other end is no relay or says that we broke the protocol; otherwise UNAVAILABLE.
  Error error;
};

/// All calls come on the thread that is inside `run`, never from within a call of the loop's own functions.
class ClientHandler {
 public:
  ClientHandler() = default;
  ClientHandler(const ClientHandler&) = delete;
  ClientHandler& operator=(const ClientHandler&) = delete;
  virtual ~ClientHandler() = default;

  /// Once when `run` starts, and at least once after the last of any number of `wake`s.
  virtual void on_wake() = 0;
  virtual void on_timer() = 0;
  virtual void on_open(ConnectionId id) = 0;
  /// One WebSocket message: one or more messages of the peer, concatenated.
  virtual void on_message(ConnectionId id, Bytes message) = 0;
  /// Exactly once for each successful `connect`, whether or not `on_open` came before.
  virtual void on_close(ConnectionId id, CloseInfo info) = 0;
  /// Once, before `run` closes what is open: what is sent from within this call still goes first.
  virtual void on_stop() {}
};

struct ClientOptions {
  /// From `connect` to `on_open`: name lookup, TCP, TLS and upgrade, over all addresses of the host.
  std::chrono::milliseconds connect_timeout{10'000};
  /// How long an orderly close (also at `stop`) waits for what is queued and for the peer's answer.
  std::chrono::milliseconds close_timeout{2'000};
  std::chrono::seconds ping_interval = default_ping_interval;
  std::size_t max_message_bytes = net::max_message_bytes;
  /// Bytes waiting to be written on one connection before `send` refuses.
  std::size_t max_queued_bytes = 8 * 1024 * 1024;
};

/// Owns one libwebsockets context with its default poll loop. Several in one process are independent; libwebsockets
/// sets SIGPIPE to be ignored, and its own logging (process-wide) is switched off.
class ClientLoop {
 public:
  /// `handler` must outlive the loop. Any thread.
  static Result<std::unique_ptr<ClientLoop>> create(ClientHandler& handler, const ClientOptions& options = {});
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;
  /// `run` must have returned, or never been called.
  ~ClientLoop();

  /// Serves until `stop`; then closes what is open (1001), reports each by `on_close`, and returns. Call once.
  void run();

  // On the loop's thread, from within the handler:

  /// Starts connecting under an id of the caller's choice that was not used before. An error (INVALID_ARGUMENT,
  /// TLS_FAILED for CAs that do not load, CLOSED after `stop`) means that there is no such connection.
  Status connect(ConnectionId id, const Endpoint& endpoint);
  /// Queues a message, also before `on_open`. What waits is joined into WebSocket messages of up to `coalesce_bytes`.
  /// LIMIT_EXCEEDED if the queue is full, TOO_LARGE above `max_message_bytes`, CLOSED if there is no such connection.
  Status send(ConnectionId id, Bytes message);
  /// Bytes not yet written; 0 for an unknown id.
  [[nodiscard]] std::size_t queued_bytes(ConnectionId id) const;
  /// Sends what is queued, then a Close frame; `on_close` follows in any case, not from within this call. Nothing
  /// received after this call is delivered.
  void close(ConnectionId id, std::uint16_t code = close_code::normal, std::string_view reason = {});
  /// The one timer; replaces the one before, nothing stops it.
  void set_timer(std::optional<std::chrono::steady_clock::time_point> when);

  // From any thread, also before `run`:

  /// Makes the loop call `on_wake`. Wake-ups that come before it does are one.
  void wake();
  void stop();

 private:
  class Impl;
  explicit ClientLoop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::net
