#include "crypto/aead.h"

#include <sodium.h>

namespace sotto::crypto {

static_assert(aead_tag_size == crypto_aead_chacha20poly1305_ietf_ABYTES);

Bytes aead_seal(const AeadKey& key, const AeadNonce& nonce, ByteView aad, ByteView plaintext) {
  Bytes out(plaintext.size() + aead_tag_size);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(), aad.data(),
                                            aad.size(), nullptr, nonce.bytes.data(), key.view().data());
  return out;
}

Result<Bytes> aead_open(const AeadKey& key, const AeadNonce& nonce, ByteView aad, ByteView ciphertext) {
  if (ciphertext.size() < aead_tag_size) return ErrorCode::DECRYPTION_FAILED;
  Bytes out(ciphertext.size() - aead_tag_size);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(),
                                                aad.data(), aad.size(), nonce.bytes.data(), key.view().data()) != 0) {
    return ErrorCode::DECRYPTION_FAILED;
  }
  return out;
}

}  // namespace sotto::crypto
