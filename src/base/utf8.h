// Reads UTF-8 from anybody (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sotto {

/// Takes the first code point off `text`; nothing, and one byte taken off, if there is none there. `text` is not empty.
std::optional<char32_t> take_code_point(std::string_view& text);

/// Whether all of it is code points.
bool is_valid_utf8(std::string_view text);

/// The text with "?" for each byte that belongs to no code point.
std::string valid_utf8(std::string_view text);

}  // namespace sotto
