#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "load/must.h"
#include "relay/user.h"

namespace sotto::bench {

namespace {

/// The whole answer of a loopback HTTP server.
std::string http_get(std::uint16_t port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
      ::write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    ::close(fd);
    give_up("the relay's admin port does not answer");
  }
  std::string answer;
  char part[16 * 1024];
  for (ssize_t count = 0; (count = ::read(fd, part, sizeof part)) > 0;) {
    answer.append(part, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return answer;
}

}  // namespace

RelayProcess::RelayProcess(std::string program) : program_(std::move(program)) { start(); }

void RelayProcess::start() {
  if (port_ == 0) port_ = free_port();
  while (admin_port_ == 0 || admin_port_ == port_) admin_port_ = free_port();
  process_ = std::make_unique<Process>(
      std::vector<std::string>{program_, "--data", folder_.path() + "/data", "--port", std::to_string(port_),
                               "--admin-port", std::to_string(admin_port_), "--log-level", "warning",
                               // All of them come from one address.
                               "--max-connections-per-address", "0", "--new-connections-per-address", "0"},
      folder_.path() + "/log");
  process_->wait_for_port(port_);
}

SSL_CTX* RelayProcess::ssl(TlsVersion version) {
  auto& context = version == TlsVersion::any ? any_ : tls12_;
  if (!context) context = make_ssl_context(folder_.path() + "/data/cert.pem", version);
  return context.get();
}

double RelayProcess::metric(const std::string& name) const {
  const auto metrics = http_get(admin_port_, "/metrics");
  const auto at = metrics.find("\n" + name + " ");
  if (at == std::string::npos) give_up("the relay has no metric " + name);
  return std::strtod(metrics.c_str() + at + name.size() + 2, nullptr);
}

}  // namespace sotto::bench
