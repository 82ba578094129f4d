// A TLS client that says whatever a test wants, also what no client should.
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "unit/net/fixture.h"

namespace sotto::test {

class RawClient {
 public:
  enum class Layer { tcp, tls };

  explicit RawClient(std::uint16_t port, Layer layer = Layer::tls) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (layer == Layer::tcp) return;
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    REQUIRE(SSL_connect(ssl_.get()) == 1);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(fd_); }

  void write(const std::string& text) {
    if (ssl_) {
      SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    } else {
      static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL));
    }
  }
  /// What comes until there are `size` bytes or the server hangs up.
  std::string read(std::size_t size = SIZE_MAX) {
    std::string out;
    char buffer[4096];
    while (out.size() < size) {
      const std::size_t want = std::min(sizeof buffer, size - out.size());
      const auto got = ssl_ ? static_cast<ssize_t>(SSL_read(ssl_.get(), buffer, static_cast<int>(want)))
                            : ::recv(fd_, buffer, want, 0);
      if (got <= 0) break;
      out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }
  /// The upgrade; returns the head of the answer, empty if the server hung up.
  std::string upgrade(const std::string& protocol) {
    std::string request =
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    if (!protocol.empty()) request += "Sec-WebSocket-Protocol: " + protocol + "\r\n";
    write(request + "\r\n");
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string next = read(1);
      if (next.empty()) return {};
      head += next;
    }
    return head;
  }
  /// A masked frame (with a mask of zeros); `first` is the byte with FIN and opcode.
  static std::string frame(int first, const std::string& payload) {
    std::string out(1, static_cast<char>(first));
    const std::size_t size = payload.size();
    if (size < 126) {
      out += static_cast<char>(0x80 | size);
    } else if (size < 65536) {
      out += static_cast<char>(0x80 | 126);
      out += static_cast<char>(size >> 8);
      out += static_cast<char>(size);
    } else {
      out += static_cast<char>(0x80 | 127);
      for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
    }
    return out + std::string(4, '\0') + payload;
  }
  /// The code of a Close frame that must come next, 0 if something else does.
  int read_close() {
    const std::string head = read(2);
    if (head.size() < 2 || head[0] != '\x88') return 0;
    const std::string body = read(static_cast<std::size_t>(head[1]));
    if (body.size() < 2) return 0;
    return static_cast<std::uint8_t>(body[0]) << 8 | static_cast<std::uint8_t>(body[1]);
  }

 private:
  struct Deleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int fd_;
  std::unique_ptr<SSL_CTX, Deleter> context_;
  std::unique_ptr<SSL, Deleter> ssl_;
};

}  // namespace sotto::test
