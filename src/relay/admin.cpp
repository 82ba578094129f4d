#include "relay/admin.h"

#include <arpa/inet.h>
#include <civetweb.h>

#include <array>
#include <string_view>

#include "base/random.h"
#include "net/server_listener.h"
#include "net/threads.h"
#include "relay/admin_page.h"

namespace sotto::relay {

namespace {

Error named(const Error& error) {
  Error out = error;
  out.message = "admin port: " + error.message;
  return out;
}

/// A page of the web whose name its owner lets point to this machine must not read the figures through the operator's
/// browser (DNS rebinding): such a request names that page's host.
bool names_this_machine(const mg_connection* connection) {
  const char* header = mg_get_header(connection, "Host");
  if (header == nullptr) return true;  // no browser
  std::string_view host = header;
  if (host.starts_with('[')) return is_loopback(std::string(host.substr(1, host.find(']') - 1)));
  host = host.substr(0, host.find(':'));
  return host == "localhost" || is_loopback(std::string(host));
}

struct HttpAnswer {
  int status = 200;
  const char* type = "text/plain; charset=utf-8";
  std::string body;
  std::string policy = "default-src 'none'";
};

std::string random_hex() {
  std::array<std::uint8_t, 16> bytes{};
  SystemRandom().fill(bytes);
  return to_hex(bytes);
}

HttpAnswer page() {
  const auto nonce = random_hex();
  HttpAnswer out;
  out.type = "text/html; charset=utf-8";
  out.policy = "default-src 'none'; connect-src 'self'; style-src 'nonce-" + nonce + "'; script-src 'nonce-" + nonce +
               "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  out.body = admin_page;
  constexpr std::string_view place = "NONCE";
  for (auto at = out.body.find(place); at != std::string::npos; at = out.body.find(place, at)) {
    out.body.replace(at, place.size(), nonce);
  }
  return out;
}

HttpAnswer answer_to(std::string_view path, const AdminSource& source) {
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") {
    const auto unready = source.unready();
    if (unready.empty()) return {.body = "ready\n"};
    return {.status = 503, .body = unready + "\n"};
  }
  if (path == "/metrics") {
    return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = to_prometheus(source.metrics())};
  }
  if (path == "/status.json") {
    return {.type = "application/json", .body = to_status_json(source.metrics(), source.unready())};
  }
  if (path == "/") return page();
  return {.status = 404, .body = "not found\n"};
}

}  // namespace

bool is_loopback(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

class AdminServer::Impl {
 public:
  Impl(const AdminConfig& config, const AdminSource& source)
      : source_(source), loopback_(is_loopback(config.address)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (context_ != nullptr) mg_stop(context_);
  }

  Status start(const AdminConfig& config) {
    // Tried first, since CivetWeb does not tell a taken port from another error.
    if (const auto trial = net::Listener::open(config.address, config.port); !trial.ok()) return named(trial.error());
    const bool v6 = config.address.find(':') != std::string::npos;
    const std::string listen = (v6 ? "[" + config.address + "]:" : config.address + ":") + std::to_string(config.port);
    // Slow or idle peers hold a thread for so long at most.
    const char* options[] = {"listening_ports",
                             listen.c_str(),
                             "num_threads",
                             "2",
                             "request_timeout_ms",
                             "5000",
                             "enable_keep_alive",
                             "no",
                             "listen_backlog",
                             "16",
                             "max_request_size",
                             "4096",
                             nullptr};
    mg_callbacks callbacks{};
    callbacks.begin_request = &on_request;
    callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
    std::array<char, 256> text{};
    unsigned code = 0;
    mg_error_data error{&code, text.data(), text.size()};
    mg_init_data init{&callbacks, this, options};
    const net::BlockSignals block;
    context_ = mg_start2(&init, &error);
    if (context_ == nullptr) return Error(ErrorCode::IO_ERROR, std::string("admin port: ") + text.data());
    mg_server_port ports{};
    if (mg_get_server_ports(context_, 1, &ports) < 1) return Error(ErrorCode::IO_ERROR, "admin port: none");
    port_ = static_cast<std::uint16_t>(ports.port);
    return {};
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  static int on_request(mg_connection* connection) {
    const auto* request = mg_get_request_info(connection);
    const auto& self = *static_cast<const Impl*>(request->user_data);
    HttpAnswer answer;
    const std::string_view method = request->request_method;
    if (self.loopback_ && !names_this_machine(connection)) {
      answer = {.status = 403, .body = "not by this name\n"};
    } else if (method != "GET" && method != "HEAD") {
      answer = {.status = 405, .body = "read only\n"};
    } else {
      answer = answer_to(request->local_uri != nullptr ? request->local_uri : "", self.source_);
    }
    const auto size = std::to_string(answer.body.size());
    mg_response_header_start(connection, answer.status);
    mg_response_header_add(connection, "Content-Type", answer.type, -1);
    mg_response_header_add(connection, "Content-Length", size.c_str(), -1);
    mg_response_header_add(connection, "Cache-Control", "no-store", -1);
    mg_response_header_add(connection, "Content-Security-Policy", answer.policy.c_str(), -1);
    mg_response_header_add(connection, "X-Content-Type-Options", "nosniff", -1);
    mg_response_header_add(connection, "Referrer-Policy", "no-referrer", -1);
    mg_response_header_add(connection, "Connection", "close", -1);
    mg_response_header_send(connection);
    if (method != "HEAD") mg_write(connection, answer.body.data(), answer.body.size());
    return answer.status;
  }

  const AdminSource& source_;
  const bool loopback_;
  mg_context* context_ = nullptr;
  std::uint16_t port_ = 0;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;
std::uint16_t AdminServer::port() const { return impl_->port(); }

Result<std::unique_ptr<AdminServer>> AdminServer::start(const AdminConfig& config, const AdminSource& source) {
  auto impl = std::make_unique<Impl>(config, source);
  if (auto status = impl->start(config); !status.ok()) return status.error();
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

}  // namespace sotto::relay
