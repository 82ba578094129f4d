// The WebSocket server: a thread with libwebsockets' loop, which lets in who shows the token and brings whole text
// messages to the program's own thread.
#pragma once

#include <sotto/executor.h>
#include <sotto/result.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct lws;
struct lws_context;

namespace rpc {

using ConnectionId = std::uint64_t;

/// Told on the executor.
class WebSocketHandler {
 public:
  WebSocketHandler() = default;
  WebSocketHandler(const WebSocketHandler&) = delete;
  WebSocketHandler& operator=(const WebSocketHandler&) = delete;
  virtual ~WebSocketHandler() = default;

  virtual void on_open(ConnectionId id) = 0;
  /// A text message, which counts as not taken until `WebSocketServer::taken`; nothing: one that was too long.
  virtual void on_message(ConnectionId id, std::optional<std::string> text) = 0;
  /// The other side took something.
  virtual void on_taken(ConnectionId id) = 0;
  virtual void on_closed(ConnectionId id) = 0;
};

class WebSocketServer {
 public:
  /// `handler` must live as long as the executor runs tasks. Errors: IO_ERROR.
  static sotto::Result<std::unique_ptr<WebSocketServer>> start(std::string token, std::size_t longest_message,
                                                               std::shared_ptr<sotto::Executor> executor,
                                                               WebSocketHandler& handler);
  WebSocketServer(const WebSocketServer&) = delete;
  WebSocketServer& operator=(const WebSocketServer&) = delete;
  /// Closes all connections with 1001, and waits a moment for their ends.
  ~WebSocketServer();

  // ---- Any thread

  /// A connection that was accepted; it is closed at once if there are too many.
  void adopt(int fd);
  void send(ConnectionId id, std::string text);
  /// Bytes that were given to `send` and not yet to the network.
  std::size_t waiting(ConnectionId id);
  /// A message was dealt with: more may be read.
  void taken(ConnectionId id, std::size_t bytes);
  /// Ends a connection once all is sent.
  void close(ConnectionId id);

 private:
  struct Connection;
  struct Callbacks;
  WebSocketServer(std::string token, std::size_t longest_message, std::shared_ptr<sotto::Executor> executor,
                  WebSocketHandler& handler);
  bool create();
  void run();
  void on_wake();
  int admit(lws* wsi);
  int opened(lws* wsi);
  int received(lws* wsi, const char* data, std::size_t size);
  int write(lws* wsi);
  void ended(lws* wsi);
  void post(std::function<void(WebSocketHandler&)> what);
  std::shared_ptr<Connection> find(ConnectionId id);
  std::shared_ptr<Connection> of(lws* wsi);

  const std::string token_;
  const std::size_t longest_message_;
  std::shared_ptr<sotto::Executor> executor_;
  WebSocketHandler& handler_;
  struct Loop;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::vector<int> accepted_;
  std::vector<std::shared_ptr<Connection>> connections_;
};

}  // namespace rpc
