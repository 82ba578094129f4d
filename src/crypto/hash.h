// SHA-256, HMAC-SHA-256 and HKDF-SHA-256. All functions are pure and may be called from any thread.
#pragma once

#include <array>
#include <initializer_list>

#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::crypto {

/// SHA-256 (FIPS 180-4) of the concatenation of the parts.
Sha256Digest sha256(std::initializer_list<ByteView> parts);
inline Sha256Digest sha256(ByteView data) { return sha256({data}); }

/// A SHA-256 that is fed piece by piece and can be put aside: its state as bytes goes on where it was, also in another
/// process. Not for secrets: the state tells what is not yet hashed. Copyable.
class Sha256 {
 public:
  /// Eight words, the count of bits, and one block, big-endian.
  using State = ByteArray<struct Sha256StateTag, 104>;

  Sha256();
  explicit Sha256(const State& state);
  void update(ByteView data);
  /// Of all that was fed; it can be fed more afterwards.
  [[nodiscard]] Sha256Digest digest() const;
  [[nodiscard]] State state() const;

 private:
  std::array<std::uint32_t, 8> words_;
  std::uint64_t bits_;
  std::array<std::uint8_t, 64> block_;
};

/// HMAC-SHA-256 (RFC 2104) of the concatenation of the parts; keys of any length.
Sha256Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

/// HKDF-Extract (RFC 5869 section 2.2): 32 bytes.
SecretBytes hkdf_extract(ByteView salt, ByteView input_key_material);

/// HKDF-Expand (RFC 5869 section 2.3). `length` is at most 255 * 32 bytes; more is a programming error (asserted).
SecretBytes hkdf_expand(ByteView pseudo_random_key, ByteView info, std::size_t length);

/// Whether two secrets are equal, in a time that depends on their lengths only.
bool equal_constant_time(ByteView a, ByteView b);

}  // namespace sotto::crypto
