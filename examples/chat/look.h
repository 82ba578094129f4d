// Looks: SGR sequences around printable text.
#pragma once

#include <string>
#include <string_view>

namespace chat::look {

inline constexpr std::string_view plain = "\x1b[0m";
inline constexpr std::string_view dim = "\x1b[2m";
inline constexpr std::string_view bold = "\x1b[1m";
inline constexpr std::string_view inverse = "\x1b[7m";
inline constexpr std::string_view red = "\x1b[31m";
inline constexpr std::string_view read = "\x1b[34m";
inline constexpr std::string_view own_name = "\x1b[1;36m";
inline constexpr std::string_view other_name = "\x1b[1;33m";

inline std::string in(std::string_view look, const std::string& text) {
  return std::string(look) + text + std::string(plain);
}

}  // namespace chat::look
