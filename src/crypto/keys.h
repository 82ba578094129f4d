// The kinds of keys, each a type of its own: a signature key cannot be passed where a KEM key belongs.
#pragma once

#include "base/bytes.h"

namespace sotto::crypto {

using Sha256Digest = ByteArray<struct Sha256Tag, 32>;

/// Ed25519 (RFC 8032). The private key is the 32-byte seed, as RFC 9420 serialises it.
using SignaturePublicKey = ByteArray<struct SignaturePublicTag, 32>;
using SignaturePrivateKey = SecretArray<struct SignaturePrivateTag, 32>;
using Signature = ByteArray<struct SignatureTag, 64>;

/// DHKEM(X25519, HKDF-SHA256) (RFC 9180 section 4.1).
using KemPublicKey = ByteArray<struct KemPublicTag, 32>;
using KemPrivateKey = SecretArray<struct KemPrivateTag, 32>;

/// ChaCha20-Poly1305 (RFC 8439).
using AeadKey = SecretArray<struct AeadKeyTag, 32>;
using AeadNonce = ByteArray<struct AeadNonceTag, 12>;
inline constexpr std::size_t aead_tag_size = 16;

struct SignatureKeyPair {
  SignaturePrivateKey private_key;
  SignaturePublicKey public_key;
};

struct KemKeyPair {
  KemPrivateKey private_key;
  KemPublicKey public_key;
};

}  // namespace sotto::crypto
