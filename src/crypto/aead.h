// ChaCha20-Poly1305 (RFC 8439). Pure functions; any thread.
#pragma once

#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::crypto {

/// Ciphertext followed by the 16-byte tag.
Bytes aead_seal(const AeadKey& key, const AeadNonce& nonce, ByteView aad, ByteView plaintext);

/// The plaintext. Errors: DECRYPTION_FAILED.
Result<Bytes> aead_open(const AeadKey& key, const AeadNonce& nonce, ByteView aad, ByteView ciphertext);

}  // namespace sotto::crypto
