// What both ends of a connection agree on (PROTOCOL.md, Transport).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sotto::net {

/// Names a connection for life; never reused by one loop or server.
using ConnectionId = std::uint64_t;

/// The WebSocket subprotocol: binary messages, each the concatenation of one or more encoded protobuf `Frame`s. Since
/// protobuf concatenation merges repeated fields, both ends join waiting messages into one at will; a receiver must
/// expect it.
inline constexpr char subprotocol[] = "sotto.v1";

/// The same frames as protobuf-JSON, for tools: text messages, each one `Frame`, never joined.
inline constexpr char json_subprotocol[] = "sotto.v1.json";

/// A frame is at most this long (PROTOCOL.md, Sizes), and so is a WebSocket message.
inline constexpr std::size_t max_message_bytes = 256 * 1024;
/// A text message: the same frame in base64, with names.
inline constexpr std::size_t max_text_bytes = 512 * 1024;

/// Messages are joined up to this size: beyond it, one write gains nothing more (LWS.md, Throughput).
inline constexpr std::size_t coalesce_bytes = 64 * 1024;

/// Ping after this much silence; two unanswered intervals later the peer is gone.
inline constexpr std::chrono::seconds default_ping_interval{30};

/// RFC 6455 section 7.4.1. Of the later codes, libwebsockets 4.1 shows 1012 to 1014 as 1002, so they are not used.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t abnormal = 1006;  // no Close frame came; never sent
inline constexpr std::uint16_t invalid_payload = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
}  // namespace close_code

}  // namespace sotto::net
