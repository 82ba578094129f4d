#include "chat/text.h"

#include <algorithm>
#include <array>

namespace chat {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr std::string_view replacement_utf8 = "\xEF\xBF\xBD";

struct Range {
  char32_t first, last;
};

template <std::size_t n>
bool in(const std::array<Range, n>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return c >= r.first && c <= r.last; });
}

/// Controls (C0, DEL, C1), line and paragraph separators, everything that turns the reading order, invisible tags.
constexpr std::array<Range, 8> unsafe{{{0x00, 0x1F},
                                       {0x7F, 0x9F},
                                       {0x200E, 0x200F},
                                       {0x2028, 0x202E},
                                       {0x2060, 0x206F},
                                       {0xFEFF, 0xFEFF},
                                       {0xFFF9, 0xFFFB},
                                       {0xE0000, 0xE007F}}};

/// Marks that are drawn over the character before them.
constexpr std::array<Range, 14> combining{{{0x0300, 0x036F},
                                           {0x0483, 0x0489},
                                           {0x0591, 0x05BD},
                                           {0x0610, 0x061A},
                                           {0x064B, 0x065F},
                                           {0x0E31, 0x0E31},
                                           {0x0E34, 0x0E3A},
                                           {0x0E47, 0x0E4E},
                                           {0x1AB0, 0x1AFF},
                                           {0x200B, 0x200D},
                                           {0x20D0, 0x20FF},
                                           {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F},
                                           {0xE0100, 0xE01EF}}};

/// East Asian wide characters and emoji (Unicode TR 11, TR 51), in coarse ranges.
constexpr std::array<Range, 11> wide{{{0x1100, 0x115F},
                                      {0x231A, 0x231B},
                                      {0x2E80, 0x303E},
                                      {0x3041, 0xA4CF},
                                      {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},
                                      {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},
                                      {0xFFE0, 0xFFE6},
                                      {0x1F300, 0x1FAFF},
                                      {0x20000, 0x3FFFD}}};

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& offset) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(offset++);
  if (lead < 0x80) return lead;
  const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - offset < more) return replacement;
  char32_t c = lead & (0x3FU >> more);
  for (std::size_t i = 0; i < more; ++i) {
    if ((byte(offset + i) & 0xC0U) != 0x80U) return replacement;
    c = c << 6U | (byte(offset + i) & 0x3FU);
  }
  const bool overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
  if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return replacement;
  offset += more;
  return c;
}

std::size_t columns(char32_t code_point) {
  if (in(combining, code_point)) return 0;
  return in(wide, code_point) ? 2 : 1;
}

std::size_t columns(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) width += columns(next_code_point(text, i));
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t start = i;
    const char32_t c = next_code_point(text, i);
    if (c == '\n') {
      out += '\n';
    } else if (c == '\t') {
      out += ' ';
    } else if (c == replacement || in(unsafe, c)) {
      out += replacement_utf8;
    } else {
      out += text.substr(start, i - start);
    }
  }
  return out;
}

std::string printable_line(std::string_view text) {
  std::string out = printable(text);
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t start = i;
    const char32_t c = next_code_point(text, i);
    const auto bytes = text.substr(start, i - start);
    const bool invalid = c == replacement && bytes != replacement_utf8;
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (invalid || in(unsafe, c)) {
      for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        out += "\\x";
        out += digits[value >> 4U];
        out += digits[value & 15U];
      }
    } else {
      out += bytes;
    }
  }
  return out;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 2);
  std::vector<std::string> lines(1);
  std::size_t used = 0;
  const auto wrap = [&] {
    std::string& line = lines.back();
    const auto space = line.rfind(' ');
    std::string rest;
    if (space != std::string::npos && space > 0) {
      rest = line.substr(space + 1);
      line.resize(space);
    }
    used = columns(rest);
    lines.push_back(std::move(rest));
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t start = i;
    const char32_t c = next_code_point(text, i);
    if (c == '\n') {
      lines.emplace_back();
      used = 0;
      continue;
    }
    if (used + columns(c) > width) wrap();
    if (used + columns(c) > width) {
      lines.emplace_back();
      used = 0;
    }
    lines.back() += text.substr(start, i - start);
    used += columns(c);
  }
  return lines;
}

std::string clipped(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    std::size_t next = end;
    used += columns(next_code_point(text, next));
    if (used > width) break;
    end = next;
  }
  return std::string(text.substr(0, end));
}

}  // namespace chat
