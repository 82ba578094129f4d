// An MLS PrivateMessage (RFC 9420 section 6.3) whose clear header is real and whose ciphertext is not: all that the
// relay looks at.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"
#include "wire/mls_header.h"

namespace sotto::relay::test {

inline void append_number(Bytes& to, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// RFC 9420 section 2.1.2.
inline void append_vector(Bytes& to, ByteView what) {
  if (what.size() < 64) {
    append_number(to, what.size(), 1);
  } else if (what.size() < 16384) {
    append_number(to, 0x4000U | what.size(), 2);
  } else {
    append_number(to, 0x80000000U | what.size(), 4);
  }
  append(to, what);
}

inline Bytes private_message(const ChatId& chat, std::uint32_t generation, wire::MlsContentType type,
                             ByteView authenticated_data, ByteView ciphertext) {
  Bytes out;
  append_number(out, 1, 2);  // mls10
  append_number(out, 2, 2);  // mls_private_message
  append_vector(out, wire::group_id_of(chat, generation));
  append_number(out, 7, 8);  // epoch: the relay does not compare it
  append_number(out, static_cast<std::uint64_t>(type), 1);
  append_vector(out, authenticated_data);
  append_vector(out, as_bytes("sender data"));
  append_vector(out, ciphertext);
  return out;
}

}  // namespace sotto::relay::test
