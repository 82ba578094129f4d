#include "load/websocket.h"

#include "load/must.h"

namespace sotto::bench {

namespace {

constexpr std::uint8_t opcode_continuation = 0;
constexpr std::uint8_t opcode_binary = 2;
constexpr std::uint8_t opcode_close = 8;
constexpr std::uint8_t opcode_ping = 9;
constexpr std::uint8_t opcode_pong = 10;

void append_frame(Bytes& to, std::uint8_t opcode, ByteView payload) {
  to.push_back(static_cast<std::uint8_t>(0x80U | opcode));
  const auto size = payload.size();
  if (size < 126) {
    to.push_back(static_cast<std::uint8_t>(0x80U | size));
  } else {
    const int bytes = size < 65536 ? 2 : 8;
    to.push_back(bytes == 2 ? 0x80U | 126U : 0x80U | 127U);
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(size >> shift));
  }
  to.insert(to.end(), 4, 0);
  append(to, payload);
}

}  // namespace

WebSocket::WebSocket(SSL_CTX* context, std::uint16_t port, const char* subprotocol) : TlsStream(context, port) {
  const std::string request = std::string("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n") +
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " +
                              subprotocol + "\r\n\r\n";
  write_blocking(as_bytes(request));
  std::string answer;
  std::size_t end = std::string::npos;
  while ((end = answer.find("\r\n\r\n")) == std::string::npos) answer += to_string(read_blocking());
  if (!answer.starts_with("HTTP/1.1 101")) give_up("no upgrade: " + answer);
  early_ = to_bytes(std::string_view(answer).substr(end + 4));
}

void WebSocket::append_message(Bytes& to, ByteView message) { append_frame(to, opcode_binary, message); }

void WebSocket::send_message(ByteView message) {
  Bytes frame;
  frame.reserve(message.size() + 16);
  append_frame(frame, opcode_binary, message);
  write(frame);
}

std::optional<WebSocket::Frame> WebSocket::frame_in(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  Frame frame;
  frame.final = (bytes[0] & 0x80U) != 0;
  frame.opcode = bytes[0] & 0x0fU;
  frame.size = bytes[1] & 0x7fU;
  frame.head = frame.size < 126 ? 2 : frame.size == 126 ? 4 : 10;
  if (bytes.size() < frame.head) return std::nullopt;
  if (frame.head > 2) {
    frame.size = 0;
    for (std::size_t i = 2; i < frame.head; ++i) frame.size = frame.size << 8U | bytes[i];
  }
  if (bytes.size() < frame.head + frame.size) return std::nullopt;
  return frame;
}

Bytes WebSocket::receive_blocking() {
  for (;;) {
    if (const auto frame = frame_in(early_); frame && frame->opcode == opcode_binary && frame->final) {
      Bytes out(early_.begin() + static_cast<std::ptrdiff_t>(frame->head),
                early_.begin() + static_cast<std::ptrdiff_t>(frame->head + frame->size));
      early_.erase(early_.begin(), early_.begin() + static_cast<std::ptrdiff_t>(frame->head + frame->size));
      return out;
    }
    append(early_, read_blocking());
  }
}

std::size_t WebSocket::on_bytes(ByteView bytes) {
  if (!early_.empty()) {
    // Came with the answer to the upgrade, before the loop.
    const Bytes all = std::exchange(early_, {});
    if (on_bytes(all) != all.size()) give_up("a message cut in two before the loop");
  }
  const auto frame = frame_in(bytes);
  if (!frame) return 0;
  const auto payload = bytes.subspan(frame->head, frame->size);
  switch (frame->opcode) {
    case opcode_binary:
    case opcode_continuation:
      if (frame->final && fragments_.empty()) {
        on_message(payload);
      } else {
        append(fragments_, payload);
        if (frame->final) on_message(std::exchange(fragments_, {}));
      }
      break;
    case opcode_ping: {
      Bytes pong;
      append_frame(pong, opcode_pong, payload);
      write(pong);
      break;
    }
    case opcode_close:
      on_end();
      break;
    default:
      break;
  }
  return frame->head + frame->size;
}

}  // namespace sotto::bench
