#include "mls/codec.h"

#include <cassert>

namespace sotto::mls {

namespace {
constexpr std::size_t max_one_byte = 0x3f;
constexpr std::size_t max_two_bytes = 0x3fff;
constexpr std::size_t max_four_bytes = 0x3fffffff;
}  // namespace

void Writer::grow(std::size_t more) {
  if (!secret_ || out_.size() + more <= out_.capacity()) return;
  Bytes larger;
  larger.reserve(2 * (out_.size() + more));
  append(larger, out_);
  secure_zero(out_);
  out_ = std::move(larger);
}

void Writer::integer(std::uint64_t value, std::size_t size) {
  grow(size);
  for (std::size_t i = size; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void Writer::vector_header(std::size_t size) {
  assert(size <= max_four_bytes);
  if (size <= max_one_byte) {
    integer(size, 1);
  } else if (size <= max_two_bytes) {
    integer(size | 0x4000, 2);
  } else {
    integer(size | 0x80000000, 4);
  }
}

std::uint64_t Reader::integer(std::size_t size) {
  std::uint64_t value = 0;
  for (const auto byte : raw(size)) value = value << 8 | byte;
  return value;
}

ByteView Reader::raw(std::size_t size) {
  if (size > input_.size()) fail();
  if (!ok_) return {};
  const auto out = input_.first(size);
  input_ = input_.subspan(size);
  return out;
}

std::size_t Reader::vector_length() {
  const auto first = integer(1);
  std::uint64_t size = first & 0x3f;
  switch (first >> 6) {
    case 0:
      break;
    case 1:
      size = size << 8 | integer(1);
      if (size <= max_one_byte) fail();
      break;
    case 2:
      size = size << 24 | integer(3);
      if (size <= max_two_bytes) fail();
      break;
    default:
      fail();
  }
  return ok_ ? static_cast<std::size_t>(size) : 0;
}

std::size_t Reader::vector_header() {
  const auto size = vector_length();
  if (size > input_.size()) fail();
  return ok_ ? size : 0;
}

}  // namespace sotto::mls
