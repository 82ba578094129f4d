// What the tests of crypto share.
#pragma once

#include "base/bytes.h"
#include "support/catch.h"

namespace sotto {

/// A fixed-size key, nonce or digest from hexadecimal.
template <typename Array>
Array array_from_hex(std::string_view text) {
  Array out;
  REQUIRE(assign_exact(out, from_hex(text)));
  return out;
}

/// The bytes with one bit turned over.
inline Bytes flipped(ByteView bytes, std::size_t position) {
  Bytes out = to_bytes(bytes);
  out.at(position) ^= 0x01;
  return out;
}

}  // namespace sotto
