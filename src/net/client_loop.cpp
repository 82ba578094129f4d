#include "net/client_loop.h"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "base/try.h"
#include "net/client_connection.h"
#include "net/resolver.h"
#include "net/tls.h"

namespace sotto::net {

class ClientLoop::Impl final : public ClientConnectionHost {
 public:
  Impl(ClientHandler& handler, const ClientOptions& options);
  ~Impl();
  Status create_context();

  void run();
  Status connect(ConnectionId id, const Endpoint& endpoint);
  ClientConnection* find(ConnectionId id) const;
  void set_timer(std::optional<std::chrono::steady_clock::time_point> when);
  void wake();
  void stop();

  lws_context* context() const override { return context_.get(); }
  const ClientOptions& options() const override { return options_; }
  ClientHandler& handler() override { return handler_; }
  Bytes& scratch() override { return scratch_; }
  void finished(ConnectionId id, CloseInfo info) override;

 private:
  /// libwebsockets has one SSL_CTX a vhost, so each set of roots gets a vhost.
  struct TrustedVhost {
    TrustRoots roots;
    std::string ca;
    SslContext ssl_context;
    lws_vhost* vhost;
  };

  static int on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size);
  lws_context_creation_info creation_info() const;
  Result<lws_vhost*> vhost_for(const TlsTrust& trust);
  void interrupt();
  void serve_wakes();
  void wind_down();

  ClientHandler& handler_;
  const ClientOptions options_;
  const lws_protocols protocols_[2];
  const lws_retry_bo_t validity_;
  std::vector<TrustedVhost> vhosts_;  // their SSL_CTXs are freed after the context
  mutable std::mutex context_mutex_;  // for `interrupt`, against the end of the context
  LwsContext context_;
  LwsTimer timer_;
  Resolver resolver_;
  std::unordered_map<ConnectionId, std::unique_ptr<ClientConnection>> connections_;
  Bytes scratch_;
  std::atomic<bool> wake_pending_{true};  // the wake-up at the start of `run`
  std::atomic<bool> stopping_{false};
  bool ended_ = false;
};

ClientLoop::Impl::Impl(ClientHandler& handler, const ClientOptions& options)
    : handler_(handler),
      options_(options),
      // Few connections, so large pieces; and no write is ever cut (LWS.md, Throughput).
      protocols_{{subprotocol, &on_lws, 0, 16 * 1024, 0, nullptr, options.max_message_bytes + 64}, {}},
      validity_{nullptr,
                0,
                0,
                static_cast<std::uint16_t>(options.ping_interval.count()),
                static_cast<std::uint16_t>(3 * options.ping_interval.count()),
                0},
      timer_([](void* self) { static_cast<Impl*>(self)->handler_.on_timer(); }, this),
      resolver_([this] { interrupt(); }) {}

ClientLoop::Impl::~Impl() { connections_.clear(); }

lws_context_creation_info ClientLoop::Impl::creation_info() const {
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols_;
  info.http_proxy_address = "";  // otherwise the environment's http_proxy is used
  info.retry_and_idle_policy = &validity_;
  // Ours are the timeouts that count; these only must not come before them.
  const auto seconds = static_cast<unsigned>(options_.connect_timeout.count() / 1000 + 2);
  info.timeout_secs = seconds;
  info.connect_timeout_secs = seconds;
  info.pt_serv_buf_size = 16 * 1024;
  return info;
}

Status ClientLoop::Impl::create_context() {
  auto info = creation_info();
  info.vhost_name = "none";
  context_ = create_lws_context(info);
  if (!context_) return Error(ErrorCode::IO_ERROR, "libwebsockets gave no context");
  return {};
}

Result<lws_vhost*> ClientLoop::Impl::vhost_for(const TlsTrust& trust) {
  for (const auto& known : vhosts_) {
    if (known.roots == trust.roots && known.ca == trust.ca) return known.vhost;
  }
  SOTTO_TRY_ASSIGN(auto ssl_context, make_client_ssl_context(trust));
  auto info = creation_info();
  info.vhost_name = "client";
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info.provided_client_ssl_ctx = ssl_context.get();
  lws_vhost* vhost = lws_create_vhost(context_.get(), &info);
  if (vhost == nullptr) return Error(ErrorCode::IO_ERROR, "libwebsockets gave no vhost");
  vhosts_.push_back({trust.roots, trust.ca, std::move(ssl_context), vhost});
  return vhost;
}

int ClientLoop::Impl::on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size) {
  switch (reason) {
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
      in = user;
      break;  // the X509_STORE_CTX
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_WSI_DESTROY:
      break;
    default:
      return 0;  // others come with a wsi that is none, or are of no interest
  }
  auto* connection = static_cast<ClientConnection*>(lws_get_opaque_user_data(wsi));
  return connection != nullptr ? connection->on_lws(wsi, reason, in, size) : 0;
}

void ClientLoop::Impl::run() {
  while (!stopping_.load()) {
    serve_wakes();
    if (stopping_.load() || lws_service(context_.get(), 0) < 0) break;
  }
  stopping_.store(true);
  wind_down();
  LwsContext gone;
  {
    const std::lock_guard lock(context_mutex_);
    gone = std::move(context_);
  }
}

void ClientLoop::Impl::serve_wakes() {
  for (auto& answer : resolver_.collect()) {
    if (ClientConnection* connection = find(answer.id)) connection->resolved(std::move(answer.addresses));
  }
  if (wake_pending_.exchange(false)) handler_.on_wake();
}

void ClientLoop::Impl::wind_down() {
  timer_.cancel();
  handler_.on_stop();
  const auto ids = [this] {
    std::vector<ConnectionId> out;
    for (const auto& [id, connection] : connections_) out.push_back(id);
    return out;
  };
  for (const ConnectionId id : ids()) {
    if (ClientConnection* connection = find(id)) connection->close(close_code::going_away, {});
  }
  // Each connection has a deadline of its own by which it ends; the rounds only bound what must not happen.
  while (!connections_.empty() && lws_service(context_.get(), 0) >= 0) continue;
  for (const ConnectionId id : ids()) {
    if (ClientConnection* connection = find(id)) connection->abort();
  }
}

Status ClientLoop::Impl::connect(ConnectionId id, const Endpoint& endpoint) {
  if (stopping_.load()) return ErrorCode::CLOSED;
  if (connections_.contains(id)) return Error(ErrorCode::INVALID_ARGUMENT, "the connection id is in use");
  if (endpoint.host.empty() || endpoint.port == 0 || !endpoint.path.starts_with('/')) {
    return Error(ErrorCode::INVALID_ARGUMENT, "incomplete endpoint");
  }
  if (endpoint.trust.roots == TrustRoots::pins_only && endpoint.trust.pins.empty()) {
    return Error(ErrorCode::INVALID_ARGUMENT, "neither CAs nor pins: nobody would be trusted");
  }
  SOTTO_TRY_ASSIGN(lws_vhost* const vhost, vhost_for(endpoint.trust));
  connections_.emplace(id, std::make_unique<ClientConnection>(*this, id, endpoint, vhost));
  resolver_.lookup(id, endpoint.host);
  return {};
}

ClientConnection* ClientLoop::Impl::find(ConnectionId id) const {
  const auto found = connections_.find(id);
  return found != connections_.end() ? found->second.get() : nullptr;
}

void ClientLoop::Impl::finished(ConnectionId id, CloseInfo info) {
  connections_.erase(id);
  // libwebsockets sleeps after it has run its timers, also if there is nothing left to wait for.
  if (stopping_.load()) interrupt();
  handler_.on_close(id, std::move(info));
}

void ClientLoop::Impl::set_timer(std::optional<std::chrono::steady_clock::time_point> when) {
  if (!when || stopping_.load()) {
    timer_.cancel();
    return;
  }
  const auto delay = *when - std::chrono::steady_clock::now();
  timer_.start(context_.get(), std::chrono::duration_cast<std::chrono::microseconds>(delay));
}

void ClientLoop::Impl::interrupt() {
  const std::lock_guard lock(context_mutex_);
  if (context_) lws_cancel_service(context_.get());
}

void ClientLoop::Impl::wake() {
  if (!wake_pending_.exchange(true)) interrupt();
}

void ClientLoop::Impl::stop() {
  stopping_.store(true);
  interrupt();
}

ClientLoop::ClientLoop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClientLoop::~ClientLoop() = default;

Result<std::unique_ptr<ClientLoop>> ClientLoop::create(ClientHandler& handler, const ClientOptions& options) {
  auto impl = std::make_unique<Impl>(handler, options);
  SOTTO_TRY(impl->create_context());
  return std::unique_ptr<ClientLoop>(new ClientLoop(std::move(impl)));
}

void ClientLoop::run() { impl_->run(); }
Status ClientLoop::connect(ConnectionId id, const Endpoint& endpoint) { return impl_->connect(id, endpoint); }

Status ClientLoop::send(ConnectionId id, Bytes message) {
  ClientConnection* connection = impl_->find(id);
  if (connection == nullptr) return ErrorCode::CLOSED;
  return connection->send(std::move(message));
}

std::size_t ClientLoop::queued_bytes(ConnectionId id) const {
  const ClientConnection* connection = impl_->find(id);
  return connection != nullptr ? connection->queued_bytes() : 0;
}

void ClientLoop::close(ConnectionId id, std::uint16_t code, std::string_view reason) {
  if (ClientConnection* connection = impl_->find(id)) connection->close(code, reason);
}

void ClientLoop::set_timer(std::optional<std::chrono::steady_clock::time_point> when) { impl_->set_timer(when); }
void ClientLoop::wake() { impl_->wake(); }
void ClientLoop::stop() { impl_->stop(); }

}  // namespace sotto::net
