// UTF-8 from anybody.
#include "base/utf8.h"

#include "base/bytes.h"
#include "support/catch.h"

namespace sotto {
namespace {

std::string encode_utf8(char32_t value) {
  const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
  if (value < 0x80) return {byte(value)};
  if (value < 0x800) return {byte(0xC0 | value >> 6), byte(0x80 | (value & 0x3F))};
  if (value < 0x10000) {
    return {byte(0xE0 | value >> 12), byte(0x80 | (value >> 6 & 0x3F)), byte(0x80 | (value & 0x3F))};
  }
  return {byte(0xF0 | value >> 18), byte(0x80 | (value >> 12 & 0x3F)), byte(0x80 | (value >> 6 & 0x3F)),
          byte(0x80 | (value & 0x3F))};
}

TEST_CASE("every code point but the surrogates is read", "[utf8]") {
  std::size_t wrong = 0;
  for (char32_t value = 0; value <= 0x110000; ++value) {
    const std::string text = encode_utf8(value) + "x";
    std::string_view rest = text;
    const auto got = take_code_point(rest);
    const bool valid = value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    if (valid ? got != value || rest != "x" : got.has_value() || rest.size() != text.size() - 1) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("what is valid in two bytes is what encodes", "[utf8]") {
  std::size_t valid = 0;
  for (unsigned first = 0x80; first < 0x100; ++first) {
    for (unsigned second = 0; second < 0x100; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      std::string_view rest = text;
      if (take_code_point(rest)) ++valid;
    }
  }
  CHECK(valid == 0x800 - 0x80);
}

TEST_CASE("bytes of no code point become question marks", "[utf8]") {
  CHECK(valid_utf8("") == "");
  CHECK(valid_utf8("Zoë") == "Zoë");
  CHECK(valid_utf8("a\xFF\xC3 b\xE2\x82") == "a?? b??");
  CHECK(valid_utf8("\xED\xA0\x80") == "???");
}

}  // namespace
}  // namespace sotto
