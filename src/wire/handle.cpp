// What may be a handle.
#include <algorithm>

#include "base/utf8.h"
#include "wire/identity.h"
#include "wire/limits.h"
#include "wire/phone_number.h"

namespace sotto::wire {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// What shows as nothing, turns the direction of what follows, or has no meaning that two devices agree on: a handle
/// with it would look like another one.
constexpr Range unprintable[] = {
    {0x00, 0x1F},        {0x7F, 0x9F},      // controls
    {0xAD, 0xAD},                           // soft hyphen
    {0x034F, 0x034F},                       // grapheme joiner
    {0x061C, 0x061C},                       // direction
    {0x115F, 0x1160},    {0x17B4, 0x17B5},  // fillers
    {0x180B, 0x180F},                       // variation selectors
    {0x200B, 0x200F},    {0x2028, 0x202E},  // zero width, separators, direction
    {0x2060, 0x206F},                       // invisible operators, direction
    {0x3164, 0x3164},    {0xFFA0, 0xFFA0},  // fillers
    {0xE000, 0xF8FF},    {0xFDD0, 0xFDEF},  // private use, no characters
    {0xFE00, 0xFE0F},    {0xFEFF, 0xFEFF},  // variation selectors, byte order mark
    {0xFFF0, 0xFFFF},                       // specials
    {0xE0000, 0x10FFFF},                    // tags, variation selectors, private use
};

constexpr Range spaces[] = {
    {0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
    {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

template <std::size_t N>
bool in(const Range (&ranges)[N], char32_t value) {
  return std::ranges::any_of(ranges, [&](const Range& r) { return r.first <= value && value <= r.last; });
}

Status check_name(std::string_view name) {
  bool space = true;  // so that one at the start is one at an end
  while (!name.empty()) {
    const bool first = space;
    const auto value = take_code_point(name);
    if (!value || in(unprintable, *value)) {
      return Error(ErrorCode::INVALID_ARGUMENT, "a handle is UTF-8 without invisible characters");
    }
    space = in(spaces, *value);
    if (space && first) return Error(ErrorCode::INVALID_ARGUMENT, "a handle has single spaces, and none at its ends");
  }
  if (space) return Error(ErrorCode::INVALID_ARGUMENT, "a handle has single spaces, and none at its ends");
  return {};
}

/// Hyphens and dashes that numbers are written with, beside "-".
constexpr Range dashes[] = {{0x2010, 0x2015}, {0x2212, 0x2212}};

bool separates_digits(char32_t value) {
  return in(spaces, value) || in(dashes, value) || value == '-' || value == '.' || value == '(' || value == ')';
}

}  // namespace

std::string normalise_handle(std::string_view typed) {
  std::string number;
  for (auto rest = typed; !rest.empty();) {
    const auto value = take_code_point(rest);
    if (!value) return std::string(typed);
    if (separates_digits(*value)) continue;
    const bool digit = *value >= '0' && *value <= '9';
    if (!digit && !(*value == '+' && number.empty())) return std::string(typed);
    number.push_back(static_cast<char>(*value));
  }
  if (number.starts_with("00")) number.replace(0, 2, "+");
  const bool is_number = number.starts_with('+') && check_phone_number(std::string_view(number).substr(1)).ok();
  return is_number ? number : std::string(typed);
}

bool is_phone_number(std::string_view handle) { return handle.starts_with('+'); }

Status check_handle(std::string_view handle) {
  if (handle.empty() || handle.size() > limits::handle_bytes) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a handle has 1 to 64 bytes");
  }
  return is_phone_number(handle) ? check_phone_number(handle.substr(1)) : check_name(handle);
}

}  // namespace sotto::wire
