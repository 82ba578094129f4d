// Ids and times that appear in the public API.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sotto/export.h"

namespace sotto {

/// Milliseconds since 1970-01-01 UTC.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// 16 bytes of one kind. `Tag` keeps kinds apart: a ChatId is not accepted where a UserId belongs.
template <typename Tag>
struct Id {
  static constexpr std::size_t size_bytes = 16;
  std::array<std::uint8_t, 16> bytes{};

  /// 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string to_string() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(32);
    for (const auto byte : bytes) {
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
    return out;
  }
  /// The id in 32 hexadecimal digits, or nothing if `text` is anything else.
  static std::optional<Id> parse(std::string_view text) {
    if (text.size() != 32) return std::nullopt;
    Id id;
    for (std::size_t i = 0; i < 32; ++i) {
      const char c = text[i];
      int digit = -1;
      if (c >= '0' && c <= '9') digit = c - '0';
      if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
      if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
      if (digit < 0) return std::nullopt;
      id.bytes[i / 2] = static_cast<std::uint8_t>(id.bytes[i / 2] << 4 | digit);
    }
    return id;
  }
  /// True for the id of sixteen zero bytes, which names nothing.
  [[nodiscard]] bool is_zero() const { return *this == Id{}; }

  friend bool operator==(const Id&, const Id&) = default;
  friend auto operator<=>(const Id&, const Id&) = default;
};

/// A user: the first 16 bytes of SHA-256("sotto user" ‖ identity public key), for life.
using UserId = Id<struct UserTag>;
/// One device of a user; random.
using DeviceId = Id<struct DeviceTag>;
/// A chat. Direct: derived from both userIds. Group: random.
using ChatId = Id<struct ChatTag>;
/// Given by the relay, sortable by time; for support and display, never for identity or order.
using MessageId = Id<struct MessageTag>;
/// Given by the sender; the id of a message for life, in the API, the store and the events.
using ClientMessageId = Id<struct ClientMessageTag>;

}  // namespace sotto

/// Ids are hashable; they are random or digests, so their first bytes are a good hash.
template <typename Tag>
struct std::hash<sotto::Id<Tag>> {
  std::size_t operator()(const sotto::Id<Tag>& id) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, id.bytes.data() + 8, sizeof out);
    return out;
  }
};
