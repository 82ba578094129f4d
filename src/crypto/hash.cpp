#include "crypto/hash.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace sotto::crypto {

namespace {

constexpr std::size_t hash_size = Sha256Digest::size_bytes;

/// A pointer that may be handed to libsodium, which declares that keys are never null, also those of no bytes.
const std::uint8_t* non_null(ByteView bytes) {
  static constexpr std::uint8_t nothing = 0;
  return bytes.empty() ? &nothing : bytes.data();
}

/// A running HMAC-SHA-256. Its state stands for the key, so it is zeroed at its end.
class Hmac {
 public:
  explicit Hmac(ByteView key) { crypto_auth_hmacsha256_init(&state_, non_null(key), key.size()); }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }

  Hmac& update(ByteView data) {
    crypto_auth_hmacsha256_update(&state_, data.data(), data.size());
    return *this;
  }
  void finish(std::span<std::uint8_t, hash_size> out) { crypto_auth_hmacsha256_final(&state_, out.data()); }

 private:
  crypto_auth_hmacsha256_state state_;
};

}  // namespace

Sha256Digest sha256(std::initializer_list<ByteView> parts) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (const auto& part : parts) crypto_hash_sha256_update(&state, part.data(), part.size());
  Sha256Digest out;
  crypto_hash_sha256_final(&state, out.bytes.data());
  sodium_memzero(&state, sizeof state);
  return out;
}

namespace {

crypto_hash_sha256_state sodium_state(const std::array<std::uint32_t, 8>& words, std::uint64_t bits,
                                      const std::array<std::uint8_t, 64>& block) {
  crypto_hash_sha256_state out{};
  std::ranges::copy(words, std::begin(out.state));
  out.count = bits;
  std::ranges::copy(block, std::begin(out.buf));
  return out;
}

}  // namespace

Sha256::Sha256() : words_{}, bits_(0), block_{} {
  crypto_hash_sha256_state state{};
  crypto_hash_sha256_init(&state);
  std::ranges::copy(state.state, words_.begin());
}

Sha256::Sha256(const State& state) : words_{}, bits_(0), block_{} {
  std::size_t at = 0;
  const auto number = [&](std::size_t size) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < size; ++i) out = out << 8 | state.bytes[at++];
    return out;
  };
  for (auto& word : words_) word = static_cast<std::uint32_t>(number(4));
  bits_ = number(8);
  std::copy_n(state.bytes.begin() + static_cast<std::ptrdiff_t>(at), block_.size(), block_.begin());
}

void Sha256::update(ByteView data) {
  auto state = sodium_state(words_, bits_, block_);
  crypto_hash_sha256_update(&state, data.data(), data.size());
  std::ranges::copy(state.state, words_.begin());
  bits_ = state.count;
  std::ranges::copy(state.buf, block_.begin());
}

Sha256Digest Sha256::digest() const {
  auto state = sodium_state(words_, bits_, block_);
  Sha256Digest out;
  crypto_hash_sha256_final(&state, out.bytes.data());
  return out;
}

Sha256::State Sha256::state() const {
  State out;
  std::size_t at = 0;
  const auto number = [&](std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i > 0; --i) out.bytes[at++] = static_cast<std::uint8_t>(value >> (8 * (i - 1)));
  };
  for (const auto word : words_) number(word, 4);
  number(bits_, 8);
  std::ranges::copy(block_, out.bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}

Sha256Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  Hmac hmac(key);
  for (const auto& part : parts) hmac.update(part);
  Sha256Digest out;
  hmac.finish(out.bytes);
  return out;
}

SecretBytes hkdf_extract(ByteView salt, ByteView input_key_material) {
  // An absent salt is 32 zero bytes (RFC 5869 section 2.2); HMAC pads an empty key to the same block.
  SecretBytes out(hash_size);
  Hmac(salt).update(input_key_material).finish(out.mutable_view().first<hash_size>());
  return out;
}

SecretBytes hkdf_expand(ByteView pseudo_random_key, ByteView info, std::size_t length) {
  assert(length <= 255 * hash_size);
  if (length > 255 * hash_size) std::abort();  // A longer output would repeat itself: worse than to stop.
  SecretBytes out(length);
  SecretArray<struct HkdfBlockTag, hash_size> block;
  std::uint8_t counter = 0;
  for (std::size_t done = 0; done < length;) {
    Hmac hmac(pseudo_random_key);
    if (done > 0) hmac.update(block.view());
    ++counter;
    hmac.update(info).update({&counter, 1}).finish(block.mutable_view());
    const std::size_t n = std::min(hash_size, length - done);
    std::copy_n(block.view().begin(), n, out.mutable_view().subspan(done).begin());
    done += n;
  }
  return out;
}

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  return a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sotto::crypto
