// The relay's listener: TLS WebSockets on a thread of its own, with events and actions handed over in batches.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "net/server_peers.h"
#include "net/transport.h"
#include "sotto/result.h"

namespace sotto::net {

struct ServerConfig {
  /// A numeric address; "::" takes IPv4, too.
  std::string bind_address = "127.0.0.1";
  /// 0: any free one; `Server::port` tells.
  std::uint16_t port = 0;
  /// PEM files; the first may hold a chain, the server's own certificate first.
  std::string certificate_path;
  std::string key_path;

  std::size_t max_message_bytes = net::max_message_bytes;
  std::size_t max_text_bytes = net::max_text_bytes;
  /// Further connections are closed as they come.
  std::size_t max_connections = 10'000;
  /// Of one address; further ones are closed as they come.
  PeerLimit per_address;
  /// TLS handshakes and upgrades at a time; further ones wait in the kernel. Bounds the memory of a reconnect storm.
  std::size_t max_handshakes = 64;
  std::chrono::milliseconds handshake_timeout{10'000};
  /// From the first byte of a message to its last, while the socket is read; beyond it the connection is dropped
  /// (1008). As long as a client waits for an answer: later nobody wants the message any more.
  std::chrono::milliseconds message_timeout{60'000};
  /// Bytes waiting to be written on one connection; beyond them it is dropped (1008).
  std::size_t max_queued_bytes = 4 * 1024 * 1024;
  /// `Drained` is told each time a queue falls to this from above.
  std::size_t low_water_bytes = 64 * 1024;
  /// Bytes of one connection given to the handler and not yet `Processed`; beyond them its socket is not read (a few
  /// KiB may follow). 0: no limit, and `Processed` is not needed.
  std::size_t max_unprocessed_bytes = 0;
  std::chrono::seconds ping_interval = default_ping_interval;
  /// How long an orderly close waits for what is queued and for the peer's answer.
  std::chrono::milliseconds close_timeout{5'000};
};

/// What a connection speaks: binary messages (`subprotocol`) or text (`json_subprotocol`). Messages of the other kind
/// end it (1003).
enum class Encoding : std::uint8_t { binary, json };

/// A client completed TLS and the upgrade to one of the subprotocols.
struct Opened {
  ConnectionId id;
  /// Numeric, without port.
  std::string peer_address;
  Encoding encoding = Encoding::binary;
};
/// One WebSocket message. Binary: one or more messages of the peer, concatenated. JSON: one, and UTF-8.
struct Message {
  ConnectionId id;
  Bytes bytes;
};
/// Exactly once after each `Opened`; nothing of this id follows.
struct Closed {
  ConnectionId id;
};
struct Drained {
  ConnectionId id;
  std::size_t queued_bytes;
};
/// So many connections were closed as they came: too many in all, too many of their addresses, or too many at once.
struct Refused {
  std::size_t full = 0;
  std::size_t address = 0;
  std::size_t rate = 0;
};
using ServerEvent = std::variant<Opened, Message, Closed, Drained, Refused>;

/// Queues a message. The same bytes may go to many connections. On a JSON connection they are text, and are not joined.
struct Send {
  ConnectionId id;
  std::shared_ptr<const Bytes> bytes;
};
/// Sends what is queued, then a Close frame; `Closed` follows. No `Message` of this id is reported any more.
struct Close {
  ConnectionId id;
  std::uint16_t code = close_code::normal;
  /// At most 123 bytes go out.
  std::string reason;
};
/// The handler is done with so many bytes of `Message`s (see `max_unprocessed_bytes`).
struct Processed {
  ConnectionId id;
  std::size_t bytes;
};
/// Actions on an id that is gone are ignored.
using ServerAction = std::variant<Send, Close, Processed>;

class ServerHandler {
 public:
  ServerHandler() = default;
  ServerHandler(const ServerHandler&) = delete;
  ServerHandler& operator=(const ServerHandler&) = delete;
  virtual ~ServerHandler() = default;

  /// What happened in one turn of the loop, in order. On the net thread: hand over quickly; a call that blocks holds up
  /// all connections.
  virtual void on_events(std::vector<ServerEvent>&& events) = 0;
};

/// Several in one process are independent. libwebsockets sets SIGPIPE to be ignored, and its own logging
/// (process-wide) is switched off.
class Server {
 public:
  /// Listens, and starts the net thread. ADDRESS_IN_USE, TLS_FAILED (certificate or key unusable), INVALID_ARGUMENT
  /// (address), IO_ERROR (anything else of the system). `handler` must outlive the server.
  static Result<std::unique_ptr<Server>> start(ServerConfig config, ServerHandler& handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// `stop` with half a second.
  ~Server();

  [[nodiscard]] std::uint16_t port() const;

  /// Any thread; actions of one thread keep their order.
  void submit(std::vector<ServerAction>&& actions);

  /// Stops listening: further connections are refused by the system; those that are there stay. Any thread.
  void stop_accepting();

  /// Stops listening, closes all connections (1001) after what they have queued, waits up to `deadline` for them, then
  /// cuts. Every `Closed` has been reported when it returns, and the handler is not called any more. Any thread but the
  /// net thread; twice is harmless.
  void stop(std::chrono::milliseconds deadline);

  /// Reads certificate and key again, for connections from now on; if they are unusable (TLS_FAILED), the old ones stay
  /// in use. Any thread but the net thread.
  Status reload_certificate();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether libwebsockets can run on libev here: its plug-in is a package of its own. IO_ERROR says what is missing.
Status check_event_loop();

}  // namespace sotto::net
