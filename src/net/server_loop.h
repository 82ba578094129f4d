// The net thread of a Server: a libev loop with a libwebsockets context in it. Inside net/ only.
#pragma once

#include <ev.h>

#include <future>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "net/assembler.h"
#include "net/lws_support.h"
#include "net/send_queue.h"
#include "net/server.h"
#include "net/server_listener.h"
#include "net/tls.h"

namespace sotto::net {

struct EvLoopDeleter {
  void operator()(struct ev_loop* loop) const { ev_loop_destroy(loop); }
};
using EvLoop = std::unique_ptr<struct ev_loop, EvLoopDeleter>;

class ServerLoop {
 public:
  ServerLoop(const ServerConfig& config, ServerHandler& handler, Listener listener, CertificatePair certificate);
  ServerLoop(const ServerLoop&) = delete;
  ServerLoop& operator=(const ServerLoop&) = delete;
  ~ServerLoop();

  /// Before `run`.
  Status prepare();
  /// The net thread's body; returns after `request_stop`.
  void run();

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Any thread:
  void submit(std::vector<ServerAction>&& actions);
  void request_stop_accepting();
  void request_stop(std::chrono::milliseconds deadline);
  Status replace_certificate(CertificatePair certificate);

 private:
  struct Connection {
    ConnectionId id = 0;
    lws* wsi = nullptr;
    std::string peer_address;
    Peers::Place place;
    SendQueue queue;
    Assembler assembler;
    ev_tstamp last_heard = 0;
    /// When it is cut: an unfinished handshake, a close that takes too long.
    std::optional<ev_tstamp> cut_at;
    /// When the message began whose end has not come.
    std::optional<ev_tstamp> receiving_since;
    std::optional<std::uint16_t> close_with;
    std::string close_reason;
    std::size_t unprocessed = 0;
    Encoding encoding = Encoding::binary;
    bool open = false;
    bool close_sent = false;
    bool ping_due = false;
    bool above_low_water = false;
    bool paused = false;
  };
  struct Reload {
    CertificatePair certificate;
    std::promise<Status> done;
  };
  struct Inbox {
    std::vector<std::vector<ServerAction>> actions;
    std::vector<Reload> reloads;
    bool stop_accepting = false;
    std::optional<std::chrono::milliseconds> stop;
    bool ended = false;
  };

  static int on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size);
  int on_connection(Connection& connection, lws_callback_reasons reason, ByteView data);

  // server_accept.cpp: from the listening socket to an open connection
  void accept_some();
  bool admit(const Listener::Accepted& accepted, Peers::Place& place);
  void adopt(Listener::Accepted accepted, Peers::Place place);
  int opened(Connection& connection);
  void handshake_ended();

  // server_traffic.cpp: what an open connection sends and receives
  int receive(Connection& connection, ByteView piece);
  int writeable(Connection& connection);
  void begin_close(Connection& connection, std::uint16_t code, std::string_view reason);
  void destroyed(Connection& connection);
  void perform(Send&& action);
  void perform(Close&& action);
  void perform(Processed&& action);

  // server_loop.cpp
  Status start_watchers();
  void drain_inbox();
  void close_listener();
  void begin_stop(std::chrono::milliseconds deadline);
  void tick();
  void watch_silence(Connection& connection, ev_tstamp now);
  void watch_slowness(Connection& connection, ev_tstamp now);
  void cut(Connection& connection);
  void flush_events();
  Connection* find(ConnectionId id);

  const ServerConfig config_;
  ServerHandler& handler_;
  Listener listener_;
  const std::uint16_t port_;
  CertificatePair certificate_;
  const lws_protocols protocols_[4];
  /// All zero: libwebsockets' own validity checks keep one sorted list of all connections, of which each message would
  /// cost a walk; `tick` pings instead.
  const lws_retry_bo_t no_validity_checks_{};
  SslContext unused_client_context_;

  EvLoop loop_;
  LwsContext context_;
  lws_vhost* vhost_ = nullptr;
  SSL_CTX* ssl_context_ = nullptr;
  ev_async wake_{};
  ev_io accept_{};
  ev_timer tick_{};
  ev_timer stop_{};
  ev_prepare flush_{};

  Peers peers_;
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  ConnectionId last_id_ = 0;
  std::size_t handshakes_ = 0;
  std::size_t opened_since_trim_ = 0;
  bool listening_ = true;
  bool stopping_ = false;
  std::vector<ServerEvent> events_;
  /// Since the last events.
  std::optional<Refused> refused_;
  Bytes scratch_;

  std::mutex inbox_mutex_;
  Inbox inbox_;
};

}  // namespace sotto::net
