// A TLS server for one connection that answers whatever a test wants, also what no relay would.
#pragma once

#include <openssl/evp.h>

#include "unit/net/raw_client.h"

namespace sotto::test {

class RawServer {
 public:
  /// `serve` gets the connection and the client's Sec-WebSocket-Key, and ends with hanging up.
  using Serve = std::function<void(SSL*, const std::string& key)>;

  RawServer(const Certificates& certificates, Serve serve) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_, any, size) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    REQUIRE(::getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, &certificates, serve] { run(certificates, serve); });
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer() {
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  static void write(SSL* ssl, const std::string& text) { SSL_write(ssl, text.data(), static_cast<int>(text.size())); }
  /// Until the client hangs up.
  static std::string read_all(SSL* ssl) {
    std::string out;
    char buffer[4096];
    for (int got = 0; (got = SSL_read(ssl, buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }
  /// The head that accepts an upgrade (RFC 6455 section 4.2.2).
  static std::string accepted(const std::string& key, const std::string& protocol) {
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha1(), nullptr);
    unsigned char base64[64] = {};
    EVP_EncodeBlock(base64, hash, static_cast<int>(size));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           std::string(reinterpret_cast<char*>(base64)) + "\r\n" +
           (protocol.empty() ? "" : "Sec-WebSocket-Protocol: " + protocol + "\r\n") + "\r\n";
  }

 private:
  void run(const Certificates& certificates, const Serve& serve) const {
    const int fd = ::accept(listener_, nullptr, nullptr);
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(context, certificates.certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, certificates.key.c_str(), SSL_FILETYPE_PEM);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
      std::string request;
      char next = 0;
      while (!request.ends_with("\r\n\r\n") && SSL_read(ssl, &next, 1) == 1) request += next;
      const std::string header = "Sec-WebSocket-Key: ";
      const auto at = request.find(header);
      const auto begin = at == std::string::npos ? request.size() : at + header.size();
      serve(ssl, request.substr(begin, request.find('\r', begin) - begin));
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(fd);
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace sotto::test
