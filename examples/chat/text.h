// Text from other people, made safe for a terminal. A peer's message may hold anything, so nothing of it reaches the
// terminal but printable characters: no escape sequences, no control characters, no marks that turn the reading order.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// The next code point of UTF-8 text at `offset`, which moves past it. U+FFFD for a byte that is not UTF-8.
char32_t next_code_point(std::string_view text, std::size_t& offset);

/// The columns that a code point takes in a terminal: 0, 1 or 2. Rough: good for most scripts and emoji.
std::size_t columns(char32_t code_point);
/// The columns of a text without control characters.
std::size_t columns(std::string_view text);

/// `text` with everything that could steer a terminal replaced by U+FFFD; an end of line stays, a tab becomes a space.
std::string printable(std::string_view text);
/// As `printable`, in one line: an end of line becomes a space.
std::string printable_line(std::string_view text);

/// `text` as one line of ASCII-safe UTF-8 that can be read back: a backslash is written `\\`, an end of line `\n`,
/// every other byte that `printable` would replace `\xNN`.
std::string escaped(std::string_view text);

/// Printable text cut into lines of at most `width` columns, at spaces where possible.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// The start of a printable text that fits into `width` columns.
std::string clipped(std::string_view text, std::size_t width);

}  // namespace chat
