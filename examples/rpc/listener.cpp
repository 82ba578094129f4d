#include "rpc/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace rpc {

using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;

namespace {

constexpr int backlog = 16;
constexpr int socket_type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
constexpr std::string_view unix_prefix = "unix:";

template <typename Address>
const sockaddr* as_sockaddr(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Removes the socket of a process that has died; nothing else.
sotto::Status clear_path(const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(address.sun_path, &status) != 0) return {};
  const std::string path = address.sun_path;
  if (!S_ISSOCK(status.st_mode)) return Error(ErrorCode::ADDRESS_IN_USE, path + " is there and is no socket");
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool alive = ::connect(probe, as_sockaddr(address), sizeof address) == 0 || errno != ECONNREFUSED;
  ::close(probe);
  if (alive) return Error(ErrorCode::ADDRESS_IN_USE, path + " is in use");
  if (::unlink(address.sun_path) != 0) return Error(ErrorCode::IO_ERROR, "cannot remove " + path);
  return {};
}

}  // namespace

Result<LocalListener> LocalListener::open(const std::string& where) {
  if (where.starts_with(unix_prefix)) return open_path(where.substr(unix_prefix.size()));
  return open_port(where);
}

Result<LocalListener> LocalListener::open_port(const std::string& text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [last, problem] = std::from_chars(text.data(), end, port);
  if (text.empty() || problem != std::errc{} || last != end) {
    return Error(ErrorCode::INVALID_ARGUMENT, "--listen takes a port or unix:PATH");
  }
  LocalListener out(::socket(AF_INET, socket_type, 0), {});
  if (out.fd_ < 0) return Error(ErrorCode::IO_ERROR, "no socket can be made");
  const int on = 1;
  ::setsockopt(out.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::bind(out.fd_, as_sockaddr(address), sizeof address) != 0 || ::listen(out.fd_, backlog) != 0) {
    return Error(ErrorCode::ADDRESS_IN_USE, "port " + text + " on 127.0.0.1: " + std::strerror(errno));
  }
  socklen_t size = sizeof address;
  ::getsockname(out.fd_, reinterpret_cast<sockaddr*>(&address), &size);
  out.url_ = "ws://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  return out;
}

Result<LocalListener> LocalListener::open_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error(ErrorCode::INVALID_ARGUMENT, "the path of a unix socket has 1 to 107 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (auto cleared = clear_path(address); !cleared.ok()) return cleared.error();
  LocalListener out(::socket(AF_UNIX, socket_type, 0), {});
  if (out.fd_ < 0) return Error(ErrorCode::IO_ERROR, "no socket can be made");
  // Never open to others, not even between two calls.
  const auto mask = ::umask(0177);
  const bool bound = ::bind(out.fd_, as_sockaddr(address), sizeof address) == 0;
  ::umask(mask);
  if (!bound) return Error(ErrorCode::ADDRESS_IN_USE, path + ": " + std::strerror(errno));
  out.path_ = path;
  if (::listen(out.fd_, backlog) != 0) return Error(ErrorCode::IO_ERROR, path + ": " + std::strerror(errno));
  out.url_ = std::string(unix_prefix) + path;
  return out;
}

LocalListener::LocalListener(LocalListener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, {})), url_(std::move(other.url_)) {}

LocalListener::~LocalListener() {
  if (fd_ >= 0) ::close(fd_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

int LocalListener::accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }

}  // namespace rpc
