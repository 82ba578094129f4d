// Numbers as bytes, the lowest first.
#pragma once

#include "base/bytes.h"

namespace sotto {

/// At most 8 bytes.
inline std::uint64_t load_little_endian(ByteView bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) out |= std::uint64_t{bytes[i]} << (8 * i);
  return out;
}

inline void append_little_endian(Bytes& to, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

}  // namespace sotto
