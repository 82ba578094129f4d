// A WebSocket (RFC 6455) over a TlsStream: as little as a benchmark needs.
#pragma once

#include <optional>

#include "load/tls_stream.h"

namespace sotto::bench {

class WebSocket : public TlsStream {
 public:
  /// Connects and upgrades; blocks. Any thread.
  WebSocket(SSL_CTX* context, std::uint16_t port, const char* subprotocol);

  /// One binary message. The mask is zero: masking costs the generator nothing, and the server what it always does.
  void send_message(ByteView message);
  static void append_message(Bytes& to, ByteView message);
  /// The next message; before `attach`.
  Bytes receive_blocking();

 protected:
  virtual void on_message(ByteView message) = 0;
  std::size_t on_bytes(ByteView bytes) override;

 private:
  struct Frame {
    std::size_t head = 0;
    std::size_t size = 0;
    std::uint8_t opcode = 0;
    bool final = false;
  };
  /// Nothing: more bytes are needed.
  static std::optional<Frame> frame_in(ByteView bytes);
  Bytes early_;
  Bytes fragments_;
};

}  // namespace sotto::bench
