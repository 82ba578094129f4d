#include "net/server_loop.h"

#include "base/try.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace sotto::net {
namespace {

constexpr ev_tstamp tick_seconds = 1;
/// A handshake may take no longer than this while others wait for its place.
constexpr std::chrono::milliseconds crowded_handshake_timeout{2'000};
/// Opened connections after which freed handshake memory is given back to the system (LWS.md, Memory).
constexpr std::size_t trim_after = 500;

/// Of a client that offers both, libwebsockets takes the one that it names first.
bool spoken(const lws_protocols* protocol) {
  return protocol != nullptr &&
         (protocol->name == std::string_view(subprotocol) || protocol->name == std::string_view(json_subprotocol));
}

constexpr char no_context[] = "libwebsockets gave no context; is its libev plug-in installed?";

ev_tstamp seconds(std::chrono::milliseconds duration) { return static_cast<ev_tstamp>(duration.count()) / 1000; }

}  // namespace

ServerLoop::ServerLoop(const ServerConfig& config, ServerHandler& handler, Listener listener,
                       CertificatePair certificate)
    : config_(config),
      handler_(handler),
      listener_(std::move(listener)),
      port_(listener_.port()),
      certificate_(std::move(certificate)),
      // The first protocol is the one of requests that name none; it refuses them. Small receive buffers, since each
      // open connection has one; and no write is ever cut.
      protocols_{{"none", &on_lws, 0, 512, 0, nullptr, 0},
                 {subprotocol, &on_lws, 0, 512, 0, nullptr, config.max_message_bytes + 64},
                 {json_subprotocol, &on_lws, 0, 512, 0, nullptr, config.max_text_bytes + 64},
                 {}},
      peers_(config.per_address) {}

ServerLoop::~ServerLoop() {
  context_.reset();  // before the loop that its watchers are in
}

Status check_event_loop() {
  const EvLoop loop(ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV));
  if (!loop) return Error(ErrorCode::IO_ERROR, "libev gave no loop");
  void* loops[] = {loop.get()};
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.foreign_loops = loops;
  if (create_lws_context(info)) return {};
  return Error(ErrorCode::IO_ERROR, no_context);
}

Status ServerLoop::prepare() {
  loop_.reset(ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV));
  if (!loop_) return Error(ErrorCode::IO_ERROR, "libev gave no loop");
  void* loops[] = {loop_.get()};
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.foreign_loops = loops;
  info.user = this;
  info.pt_serv_buf_size = 16 * 1024;
  info.timeout_secs = static_cast<unsigned>(config_.handshake_timeout.count() / 1000 + 2);
  info.max_http_header_pool = static_cast<unsigned short>(std::min<std::size_t>(config_.max_handshakes + 8, 4096));
  context_ = create_lws_context(info);
  if (!context_) {
    return Error(ErrorCode::IO_ERROR, no_context);
  }

  // Given so that libwebsockets does not make one with all CAs of the system, for connections that we never make.
  SOTTO_TRY_ASSIGN(unused_client_context_, make_client_ssl_context({TrustRoots::pins_only, {}, {}}));
  lws_context_creation_info vhost{};
  vhost.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  vhost.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
  vhost.vhost_name = "relay";
  vhost.protocols = protocols_;
  vhost.alpn = "http/1.1";
  vhost.http_proxy_address = "";
  vhost.provided_client_ssl_ctx = unused_client_context_.get();
  vhost.retry_and_idle_policy = &no_validity_checks_;
  vhost_ = lws_create_vhost(context_.get(), &vhost);
  if (vhost_ == nullptr || ssl_context_ == nullptr) {
    return Error(ErrorCode::TLS_FAILED, "libwebsockets gave no TLS context");
  }
  return start_watchers();
}

Status ServerLoop::start_watchers() {
  wake_.data = accept_.data = tick_.data = stop_.data = flush_.data = this;
  ev_async_init(&wake_, ([](struct ev_loop*, ev_async* watcher, int) {
    static_cast<ServerLoop*>(watcher->data)->drain_inbox();
  }));
  ev_io_init(&accept_,
             ([](struct ev_loop*, ev_io* watcher, int) { static_cast<ServerLoop*>(watcher->data)->accept_some(); }),
             listener_.fd(), EV_READ);
  ev_timer_init(&tick_,
                ([](struct ev_loop*, ev_timer* watcher, int) { static_cast<ServerLoop*>(watcher->data)->tick(); }),
                tick_seconds, tick_seconds);
  ev_timer_init(&stop_, ([](struct ev_loop* loop, ev_timer*, int) { ev_break(loop, EVBREAK_ALL); }), 0, 0);
  ev_prepare_init(&flush_, ([](struct ev_loop*, ev_prepare* watcher, int) {
    static_cast<ServerLoop*>(watcher->data)->flush_events();
  }));
  ev_async_start(loop_.get(), &wake_);
  ev_io_start(loop_.get(), &accept_);
  ev_timer_start(loop_.get(), &tick_);
  ev_prepare_start(loop_.get(), &flush_);
  return {};
}

void ServerLoop::run() {
  drain_inbox();
  ev_run(loop_.get(), 0);
  // What is left is cut; libwebsockets tells of each.
  context_.reset();
  connections_.clear();
  flush_events();
  Inbox last;
  {
    const std::lock_guard lock(inbox_mutex_);
    inbox_.ended = true;  // from here on nobody touches the loop
    last.reloads = std::move(inbox_.reloads);
  }
  for (auto& reload : last.reloads) reload.done.set_value(ErrorCode::CLOSED);
  ev_async_stop(loop_.get(), &wake_);
  ev_io_stop(loop_.get(), &accept_);
  ev_timer_stop(loop_.get(), &tick_);
  ev_timer_stop(loop_.get(), &stop_);
  ev_prepare_stop(loop_.get(), &flush_);
}

int ServerLoop::on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size) {
  auto* self = static_cast<ServerLoop*>(lws_context_user(lws_get_context(wsi)));
  switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
      self->ssl_context_ = static_cast<SSL_CTX*>(user);
      harden_server_ssl_context(self->ssl_context_);
      return self->certificate_.apply(self->ssl_context_).ok() ? 0 : -1;
    case LWS_CALLBACK_HTTP:
      return -1;  // no plain requests here
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
      return spoken(lws_get_protocol(wsi)) ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_WSI_DESTROY:
      break;
    default:
      return 0;
  }
  auto* connection = static_cast<Connection*>(lws_get_opaque_user_data(wsi));
  if (connection == nullptr) return 0;
  connection->wsi = wsi;
  return self->on_connection(*connection, reason, received(in, size));
}

int ServerLoop::on_connection(Connection& connection, lws_callback_reasons reason, ByteView data) {
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      return opened(connection);
    case LWS_CALLBACK_RECEIVE:
      return receive(connection, data);
    case LWS_CALLBACK_RECEIVE_PONG:
      connection.last_heard = ev_now(loop_.get());
      return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return writeable(connection);
    case LWS_CALLBACK_WSI_DESTROY:
      destroyed(connection);
      return 0;
    default:
      return 0;
  }
}

void ServerLoop::submit(std::vector<ServerAction>&& actions) {
  if (actions.empty()) return;
  const std::lock_guard lock(inbox_mutex_);
  if (inbox_.ended) return;
  inbox_.actions.push_back(std::move(actions));
  ev_async_send(loop_.get(), &wake_);
}

void ServerLoop::request_stop_accepting() {
  const std::lock_guard lock(inbox_mutex_);
  if (inbox_.ended) return;
  inbox_.stop_accepting = true;
  ev_async_send(loop_.get(), &wake_);
}

void ServerLoop::request_stop(std::chrono::milliseconds deadline) {
  const std::lock_guard lock(inbox_mutex_);
  if (inbox_.ended) return;
  inbox_.stop = deadline;
  ev_async_send(loop_.get(), &wake_);
}

Status ServerLoop::replace_certificate(CertificatePair certificate) {
  std::future<Status> done;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (inbox_.ended) return ErrorCode::CLOSED;
    Reload reload{std::move(certificate), {}};
    done = reload.done.get_future();
    inbox_.reloads.push_back(std::move(reload));
    ev_async_send(loop_.get(), &wake_);
  }
  return done.get();
}

void ServerLoop::drain_inbox() {
  Inbox inbox;
  {
    const std::lock_guard lock(inbox_mutex_);
    std::swap(inbox.actions, inbox_.actions);
    std::swap(inbox.reloads, inbox_.reloads);
    std::swap(inbox.stop_accepting, inbox_.stop_accepting);
    std::swap(inbox.stop, inbox_.stop);
  }
  for (auto& batch : inbox.actions) {
    for (auto& action : batch) {
      std::visit([this](auto&& one) { perform(std::move(one)); }, std::move(action));
    }
  }
  for (auto& reload : inbox.reloads) {
    Status status = reload.certificate.apply(ssl_context_);
    if (status.ok()) certificate_ = std::move(reload.certificate);
    reload.done.set_value(std::move(status));
  }
  if (inbox.stop_accepting) close_listener();
  if (inbox.stop) begin_stop(*inbox.stop);
}

void ServerLoop::close_listener() {
  listening_ = false;
  ev_io_stop(loop_.get(), &accept_);
  listener_.close();
}

void ServerLoop::begin_stop(std::chrono::milliseconds deadline) {
  stopping_ = true;
  close_listener();
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  for (Connection* connection : all) {
    if (connection->open) {
      begin_close(*connection, close_code::going_away, {});
    } else {
      cut(*connection);
    }
  }
  ev_timer_stop(loop_.get(), &stop_);
  ev_timer_set(&stop_, connections_.empty() ? 0 : seconds(deadline), 0);
  ev_timer_start(loop_.get(), &stop_);
}

void ServerLoop::tick() {
  const ev_tstamp now = ev_now(loop_.get());
  const bool crowded = handshakes_ >= config_.max_handshakes;
  const ev_tstamp earlier = crowded && config_.handshake_timeout > crowded_handshake_timeout
                                ? seconds(config_.handshake_timeout - crowded_handshake_timeout)
                                : 0;
  for (const auto& [id, connection] : connections_) {
    if (connection->cut_at) {
      if (*connection->cut_at - (connection->open ? 0 : earlier) <= now) cut(*connection);
    } else if (connection->open) {
      watch_silence(*connection, now);
      watch_slowness(*connection, now);
    }
  }
  if (listening_ && handshakes_ < config_.max_handshakes) ev_io_start(loop_.get(), &accept_);
  peers_.sweep(now);
#if defined(__GLIBC__)
  if (opened_since_trim_ >= trim_after && handshakes_ == 0) {
    opened_since_trim_ = 0;
    malloc_trim(0);
  }
#endif
  // With libev, libwebsockets sets its own timer only when a socket of it was served: a timeout that begins while all
  // is quiet would wait for the next traffic. Its event pipe is such a socket.
  lws_cancel_service(context_.get());
}

void ServerLoop::watch_silence(Connection& connection, ev_tstamp now) {
  const auto interval = static_cast<ev_tstamp>(config_.ping_interval.count());
  const ev_tstamp silence = now - connection.last_heard;
  if (silence >= 3 * interval) {
    cut(connection);
  } else if (silence >= interval && !connection.ping_due) {
    connection.ping_due = true;
    lws_callback_on_writable(connection.wsi);
  }
}

void ServerLoop::watch_slowness(Connection& connection, ev_tstamp now) {
  if (!connection.receiving_since || connection.paused) return;
  if (now - *connection.receiving_since < seconds(config_.message_timeout)) return;
  begin_close(connection, close_code::policy_violation, "too slow");
}

void ServerLoop::cut(Connection& connection) {
  connection.cut_at = ev_now(loop_.get()) + 3600;  // once is enough
  if (connection.wsi != nullptr) kill(connection.wsi);
  lws_cancel_service(context_.get());
}

void ServerLoop::flush_events() {
  if (refused_) events_.emplace_back(*std::exchange(refused_, std::nullopt));
  if (events_.empty()) return;
  handler_.on_events(std::exchange(events_, {}));
}

ServerLoop::Connection* ServerLoop::find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found != connections_.end() ? found->second.get() : nullptr;
}

}  // namespace sotto::net
