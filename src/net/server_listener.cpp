#include "net/server_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace sotto::net {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  static std::optional<Address> parse(const std::string& text, std::uint16_t port) {
    Address out;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      out.size = sizeof v4;
      std::memcpy(&out.storage, &v4, sizeof v4);
    } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      out.size = sizeof v6;
      std::memcpy(&out.storage, &v6, sizeof v6);
    } else {
      return std::nullopt;
    }
    return out;
  }

  [[nodiscard]] std::uint16_t port() const {
    // The port is at the same place for both families.
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return ntohs(v4.sin_port);
  }

  [[nodiscard]] std::string text() const {
    char out[INET6_ADDRSTRLEN] = {};
    if (storage.ss_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, &storage, sizeof v4);
      inet_ntop(AF_INET, &v4.sin_addr, out, sizeof out);
      return out;
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, out, sizeof out);
    std::string text = out;
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) text.erase(0, sizeof "::ffff:" - 1);
    return text;
  }
};

Error system_error(const char* doing, const std::string& address) {
  const int why = errno;
  const ErrorCode code = why == EADDRINUSE                             ? ErrorCode::ADDRESS_IN_USE
                         : why == EADDRNOTAVAIL || why == EAFNOSUPPORT ? ErrorCode::INVALID_ARGUMENT
                                                                       : ErrorCode::IO_ERROR;
  return {code, std::string(doing) + " " + address + ": " + std::generic_category().message(why)};
}

}  // namespace

Result<Listener> Listener::open(const std::string& address, std::uint16_t port) {
  auto parsed = Address::parse(address, port);
  if (!parsed) return Error(ErrorCode::INVALID_ARGUMENT, "not a numeric address: " + address);
  const int fd = ::socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("socket for", address);
  Listener listener(fd, port);
  const int on = 1;
  const int off = 0;
  // A restart must not wait for the connections of the process before it (TIME_WAIT).
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (parsed->storage.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, parsed->get(), parsed->size) != 0) return system_error("bind to", address);
  if (::listen(fd, SOMAXCONN) != 0) return system_error("listen on", address);
  if (::getsockname(fd, parsed->get(), &parsed->size) != 0) return system_error("getsockname of", address);
  listener.port_ = parsed->port();
  return listener;
}

Listener::Listener(Listener&& other) noexcept : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}

Listener::Accepted Listener::accept() {
  Accepted out;
  Address peer;
  for (;;) {
    peer.size = sizeof peer.storage;
    out.fd = ::accept4(fd_, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (out.fd >= 0 || (errno != EINTR && errno != ECONNABORTED)) break;
  }
  if (out.fd < 0) {
    out.exhausted = errno != EAGAIN && errno != EWOULDBLOCK;
    return out;
  }
  const int on = 1;
  ::setsockopt(out.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  out.peer_address = peer.text();
  return out;
}

void Listener::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace sotto::net
