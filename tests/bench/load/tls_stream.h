// One TLS connection of the generator: bytes in, bytes out, joined a turn.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "load/loop.h"

namespace sotto::bench {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

enum class TlsVersion { any, tls12 };
/// Trusts the certificates in this file.
SslContext make_ssl_context(const std::string& ca_file, TlsVersion version = TlsVersion::any);

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

class TlsStream : public Watcher {
 public:
  /// Connects to a port of localhost and shakes hands; blocks. Any thread; `attach` then brings it into the loop.
  TlsStream(SSL_CTX* context, std::uint16_t port);
  ~TlsStream() override;

  /// Writes all and waits for some bytes; before `attach`.
  void write_blocking(ByteView bytes);
  Bytes read_blocking();
  void attach(Loop& loop);

  /// Queues; leaves at the end of the turn, or when the socket takes it.
  void write(ByteView bytes);
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void close();

 protected:
  /// Bytes came; as many of them as were used up. Called again with what is left and more.
  virtual std::size_t on_bytes(ByteView bytes) = 0;
  /// The server hung up. By default that ends the benchmark.
  virtual void on_end();
  /// Before what is queued leaves: the place to add what waits for the end of the turn.
  virtual void before_writing() {}
  /// Asks for `before_writing` at the end of this turn.
  void touch();
  /// The same at the end of a later turn.
  void touch_at(Clock::time_point when);

  void ready(std::uint32_t events) override;
  void turn_ended() override;

 private:
  void read();
  void flush();

  std::unique_ptr<SSL, SslDeleter> ssl_;
  int fd_ = -1;
  Loop* loop_ = nullptr;
  Bytes in_;
  std::size_t in_used_ = 0;
  Bytes out_;
  std::size_t written_ = 0;
  bool touched_ = false;
  bool wants_writes_ = false;
};

}  // namespace sotto::bench
