// The listening socket. Our own, so that a taken port is told as such and handshakes can be taken in at our pace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sotto/result.h"

namespace sotto::net {

class Listener {
 public:
  /// `address` is numeric; port 0 takes any. ADDRESS_IN_USE, INVALID_ARGUMENT, IO_ERROR.
  static Result<Listener> open(const std::string& address, std::uint16_t port);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener() { close(); }

  struct Accepted {
    /// Owned by whoever takes it; -1 if there was none.
    int fd = -1;
    std::string peer_address;
    /// The system has no descriptor or memory left: try again in a while, not at once.
    bool exhausted = false;
  };
  /// The next waiting connection; never blocks.
  Accepted accept();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close();

 private:
  Listener(int fd, std::uint16_t port) : fd_(fd), port_(port) {}
  int fd_;
  std::uint16_t port_;
};

}  // namespace sotto::net
