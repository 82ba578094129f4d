#include "rpc/websocket.h"

#include <libwebsockets.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "rpc/token.h"

namespace rpc {

namespace {

/// Sockets at a time, those that have not shown the token included.
constexpr std::size_t most_sockets = 64;
/// Messages that were read and not dealt with; beyond, a connection is not read.
constexpr std::size_t most_untaken_bytes = 2 * 1024 * 1024;
constexpr std::size_t most_untaken_messages = 64;
/// A program on the same machine has no reason to take longer over its request.
constexpr unsigned handshake_seconds = 10;
constexpr std::chrono::milliseconds patience_at_end{1000};

void discard_log(int /*level*/, const char* /*line*/) {}

std::string header(lws* wsi, lws_token_indexes token) {
  const auto size = lws_hdr_total_length(wsi, token);
  if (size <= 0 || size > 256) return {};
  std::string out(static_cast<std::size_t>(size) + 1, '\0');
  if (lws_hdr_copy(wsi, out.data(), size + 1, token) != size) return {};
  out.pop_back();
  return out;
}

}  // namespace

/// Under the server's mutex, but what only the loop's thread uses.
struct WebSocketServer::Connection {
  ConnectionId id = 0;
  std::deque<std::string> out;
  std::size_t out_bytes = 0;
  std::size_t untaken_bytes = 0;
  std::size_t untaken_messages = 0;
  bool closing = false;

  // The loop's thread only.
  lws* wsi = nullptr;
  std::string incoming;
  bool too_long = false;
  bool reading = true;
};

struct WebSocketServer::Loop {
  std::array<lws_protocols, 2> protocols{};
  lws_context* context = nullptr;
  lws_vhost* vhost = nullptr;
  std::vector<lws*> sockets;
  ConnectionId last_id = 0;
};

struct WebSocketServer::Callbacks {
  static int on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size) {
    auto* self = static_cast<WebSocketServer*>(lws_context_user(lws_get_context(wsi)));
    if (self == nullptr) return 0;
    switch (reason) {
      case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        self->on_wake();
        return 0;
      case LWS_CALLBACK_HTTP:  // Nothing is served but the WebSocket.
        lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, nullptr);
        return -1;
      case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return self->admit(wsi);
      case LWS_CALLBACK_ESTABLISHED:
        return self->opened(wsi);
      case LWS_CALLBACK_RECEIVE:
        return self->received(wsi, static_cast<const char*>(in), size);
      case LWS_CALLBACK_SERVER_WRITEABLE:
        return self->write(wsi);
      case LWS_CALLBACK_WSI_DESTROY:
        self->ended(wsi);
        return 0;
      case LWS_CALLBACK_CLOSED:
        return 0;
      default:
        return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
  }
};

WebSocketServer::WebSocketServer(std::string token, std::size_t longest_message,
                                 std::shared_ptr<sotto::Executor> executor, WebSocketHandler& handler)
    : token_(std::move(token)),
      longest_message_(longest_message),
      executor_(std::move(executor)),
      handler_(handler),
      loop_(std::make_unique<Loop>()) {}

sotto::Result<std::unique_ptr<WebSocketServer>> WebSocketServer::start(std::string token, std::size_t longest_message,
                                                                       std::shared_ptr<sotto::Executor> executor,
                                                                       WebSocketHandler& handler) {
  std::unique_ptr<WebSocketServer> self(
      new WebSocketServer(std::move(token), longest_message, std::move(executor), handler));
  if (!self->create()) return sotto::Error(sotto::ErrorCode::IO_ERROR, "libwebsockets gave no context");
  self->thread_ = std::thread([server = self.get()] { server->run(); });
  return self;
}

bool WebSocketServer::create() {
  lws_set_log_level(0, discard_log);
  loop_->protocols[0] = {"sotto-rpc", &Callbacks::on_lws, 0, 16 * 1024, 0, nullptr, 0};
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.user = this;
  info.timeout_secs = handshake_seconds;
  info.pt_serv_buf_size = 16 * 1024;
  loop_->context = lws_create_context(&info);
  if (loop_->context == nullptr) return false;
  lws_context_creation_info vhost{};
  vhost.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  vhost.vhost_name = "sotto-rpc";
  vhost.protocols = loop_->protocols.data();
  vhost.http_proxy_address = "";  // otherwise the environment's http_proxy is used
  vhost.timeout_secs = handshake_seconds;
  loop_->vhost = lws_create_vhost(loop_->context, &vhost);
  return loop_->vhost != nullptr;
}

WebSocketServer::~WebSocketServer() {
  stopping_ = true;
  if (thread_.joinable()) {
    lws_cancel_service(loop_->context);
    thread_.join();
  }
  // Calls `ended` for what is still open, so while all of this is still there.
  if (loop_->context != nullptr) lws_context_destroy(loop_->context);
  for (const int fd : accepted_) ::close(fd);
}

void WebSocketServer::run() {
  std::optional<std::chrono::steady_clock::time_point> end;
  while (!end || std::chrono::steady_clock::now() < *end) {
    if (lws_service(loop_->context, 0) < 0) return;
    if (!stopping_) continue;
    if (!end) end = std::chrono::steady_clock::now() + patience_at_end;
    const std::lock_guard lock(mutex_);
    if (connections_.empty()) return;
    lws_cancel_service(loop_->context);  // So that the loop turns until the end.
  }
}

void WebSocketServer::post(std::function<void(WebSocketHandler&)> what) {
  executor_->post([handler = &handler_, what = std::move(what)] { what(*handler); });
}

std::shared_ptr<WebSocketServer::Connection> WebSocketServer::find(ConnectionId id) {
  const auto found = std::ranges::find(connections_, id, [](const auto& each) { return each->id; });
  return found == connections_.end() ? nullptr : *found;
}

std::shared_ptr<WebSocketServer::Connection> WebSocketServer::of(lws* wsi) {
  const auto found = std::ranges::find(connections_, wsi, [](const auto& each) { return each->wsi; });
  return found == connections_.end() ? nullptr : *found;
}

// ---- Any thread

void WebSocketServer::adopt(int fd) {
  {
    const std::lock_guard lock(mutex_);
    accepted_.push_back(fd);
  }
  lws_cancel_service(loop_->context);
}

void WebSocketServer::send(ConnectionId id, std::string text) {
  {
    const std::lock_guard lock(mutex_);
    const auto connection = find(id);
    if (!connection) return;
    connection->out_bytes += text.size();
    connection->out.push_back(std::move(text));
    if (connection->out.size() > 1) return;
  }
  lws_cancel_service(loop_->context);
}

std::size_t WebSocketServer::waiting(ConnectionId id) {
  const std::lock_guard lock(mutex_);
  const auto connection = find(id);
  return connection ? connection->out_bytes : 0;
}

void WebSocketServer::taken(ConnectionId id, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto connection = find(id);
    if (!connection) return;
    connection->untaken_bytes -= bytes;
    --connection->untaken_messages;
    if (connection->untaken_messages != most_untaken_messages / 2 && connection->untaken_messages != 0) return;
  }
  lws_cancel_service(loop_->context);
}

void WebSocketServer::close(ConnectionId id) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto connection = find(id)) connection->closing = true;
  }
  lws_cancel_service(loop_->context);
}

// ---- The loop's thread

void WebSocketServer::on_wake() {
  std::vector<int> accepted;
  std::vector<std::shared_ptr<Connection>> readable;
  {
    const std::lock_guard lock(mutex_);
    accepted.swap(accepted_);
    for (const auto& connection : connections_) {
      if (!connection->out.empty() || connection->closing || stopping_) lws_callback_on_writable(connection->wsi);
      if (!connection->reading && connection->untaken_messages <= most_untaken_messages / 2 &&
          connection->untaken_bytes <= most_untaken_bytes) {
        connection->reading = true;
        readable.push_back(connection);
      }
    }
  }
  for (const auto& connection : readable) lws_rx_flow_control(connection->wsi, 1);
  for (const int fd : accepted) {
    if (stopping_ || loop_->sockets.size() >= most_sockets) {
      ::close(fd);
      continue;
    }
    lws_adopt_desc_t info{};
    info.vh = loop_->vhost;
    info.type = static_cast<lws_adoption_type>(LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP);
    info.fd.sockfd = fd;
    // It owns the descriptor from here on, also if it fails.
    if (auto* wsi = lws_adopt_descriptor_vhost_via_info(&info)) loop_->sockets.push_back(wsi);
  }
}

/// Pages in a browser send an Origin, and cannot read the token's file: they are shut out twice.
int WebSocketServer::admit(lws* wsi) {
  const bool from_page =
      lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0 || lws_hdr_total_length(wsi, WSI_TOKEN_SWORIGIN) > 0;
  if (from_page) {
    lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, nullptr);
    return -1;
  }
  if (shows_token(header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION), token_)) return 0;
  lws_return_http_status(wsi, HTTP_STATUS_UNAUTHORIZED, nullptr);
  return -1;
}

int WebSocketServer::opened(lws* wsi) {
  auto connection = std::make_shared<Connection>();
  connection->id = ++loop_->last_id;
  connection->wsi = wsi;
  {
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
  }
  post([id = connection->id](WebSocketHandler& handler) { handler.on_open(id); });
  return 0;
}

int WebSocketServer::received(lws* wsi, const char* data, std::size_t size) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = of(wsi);
  }
  if (!connection) return -1;
  if (lws_frame_is_binary(wsi) != 0) {
    std::string reason = "text only";
    lws_close_reason(wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, reinterpret_cast<unsigned char*>(reason.data()),
                     reason.size());
    return -1;
  }
  auto& incoming = connection->incoming;
  if (connection->too_long || incoming.size() + size > longest_message_) {
    connection->too_long = true;
    incoming = {};
  } else {
    incoming.append(data, size);
  }
  if (lws_is_final_fragment(wsi) == 0 || lws_remaining_packet_payload(wsi) != 0) return 0;
  std::optional<std::string> text;
  if (!std::exchange(connection->too_long, false)) text = std::move(incoming);
  incoming = {};
  const auto bytes = text ? text->size() : 0;
  bool pause = false;
  {
    const std::lock_guard lock(mutex_);
    connection->untaken_bytes += bytes;
    ++connection->untaken_messages;
    pause = connection->untaken_bytes > most_untaken_bytes || connection->untaken_messages > most_untaken_messages;
  }
  if (pause && connection->reading) {
    connection->reading = false;
    lws_rx_flow_control(wsi, 0);
  }
  post([id = connection->id, text = std::move(text)](WebSocketHandler& handler) { handler.on_message(id, text); });
  return 0;
}

int WebSocketServer::write(lws* wsi) {
  std::string text;
  ConnectionId id = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto connection = of(wsi);
    if (!connection) return -1;
    if (connection->out.empty() && (stopping_ || connection->closing)) {
      lws_close_reason(wsi, stopping_ ? LWS_CLOSE_STATUS_GOINGAWAY : LWS_CLOSE_STATUS_NORMAL, nullptr, 0);
      return -1;
    }
    if (connection->out.empty()) return 0;
    id = connection->id;
    text = std::move(connection->out.front());
    connection->out.pop_front();
    connection->out_bytes -= text.size();
    if (!connection->out.empty() || connection->closing || stopping_) lws_callback_on_writable(wsi);
  }
  const auto size = text.size();
  text.insert(0, LWS_PRE, '\0');
  const auto written = lws_write(wsi, reinterpret_cast<unsigned char*>(text.data()) + LWS_PRE, size, LWS_WRITE_TEXT);
  if (written < static_cast<int>(size)) return -1;
  post([id](WebSocketHandler& handler) { handler.on_taken(id); });
  return 0;
}

void WebSocketServer::ended(lws* wsi) {
  std::erase(loop_->sockets, wsi);
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = of(wsi);
    if (connection) std::erase(connections_, connection);
  }
  if (connection) post([id = connection->id](WebSocketHandler& handler) { handler.on_closed(id); });
}

}  // namespace rpc
