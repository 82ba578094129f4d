// Ed25519 signatures (RFC 8032). Pure functions; any thread.
#pragma once

#include "base/random.h"
#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::crypto {

SignatureKeyPair generate_signature_key(Random& random);
SignaturePublicKey public_key_of(const SignaturePrivateKey& key);
Signature sign(const SignaturePrivateKey& key, ByteView message);

/// True if the signature is good. Keys and signatures of small order or in non-canonical form are refused.
bool verify(const SignaturePublicKey& key, ByteView message, ByteView signature);

}  // namespace sotto::crypto
