#include "net/server.h"

#include <thread>

#include "base/try.h"
#include "net/server_loop.h"
#include "net/threads.h"

namespace sotto::net {

class Server::Impl {
 public:
  Impl(ServerConfig config, ServerHandler& handler, Listener listener, CertificatePair certificate)
      : config_(std::move(config)), loop_(config_, handler, std::move(listener), std::move(certificate)) {}

  Status start() {
    SOTTO_TRY(loop_.prepare());
    try {
      const BlockSignals block;
      thread_ = std::thread([this] { loop_.run(); });
    } catch (const std::system_error&) {
      return Error(ErrorCode::IO_ERROR, "no thread for the server");
    }
    return {};
  }

  void stop(std::chrono::milliseconds deadline) {
    const std::lock_guard lock(stop_mutex_);
    if (!thread_.joinable()) return;
    loop_.request_stop(deadline);
    thread_.join();
  }

  Status reload_certificate() {
    SOTTO_TRY_ASSIGN(auto pair, CertificatePair::load(config_.certificate_path, config_.key_path));
    return loop_.replace_certificate(std::move(pair));
  }

  ServerLoop& loop() { return loop_; }

 private:
  const ServerConfig config_;
  ServerLoop loop_;
  std::mutex stop_mutex_;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { impl_->stop(std::chrono::milliseconds(500)); }

Result<std::unique_ptr<Server>> Server::start(ServerConfig config, ServerHandler& handler) {
  SOTTO_TRY_ASSIGN(auto certificate, CertificatePair::load(config.certificate_path, config.key_path));
  SOTTO_TRY_ASSIGN(auto listener, Listener::open(config.bind_address, config.port));
  auto impl = std::make_unique<Impl>(std::move(config), handler, std::move(listener), std::move(certificate));
  SOTTO_TRY(impl->start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->loop().port(); }
void Server::submit(std::vector<ServerAction>&& actions) { impl_->loop().submit(std::move(actions)); }
void Server::stop_accepting() { impl_->loop().request_stop_accepting(); }
void Server::stop(std::chrono::milliseconds deadline) { impl_->stop(deadline); }
Status Server::reload_certificate() { return impl_->reload_certificate(); }

}  // namespace sotto::net
