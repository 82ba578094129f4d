#include "crypto/sign.h"

#include <sodium.h>

namespace sotto::crypto {

namespace {

/// The seed followed by the public key, as libsodium wants a private key.
using ExpandedKey = SecretArray<struct ExpandedSignatureKeyTag, crypto_sign_SECRETKEYBYTES>;

SignaturePublicKey expand(const SignaturePrivateKey& key, ExpandedKey& expanded) {
  SignaturePublicKey public_key;
  crypto_sign_seed_keypair(public_key.bytes.data(), expanded.mutable_view().data(), key.view().data());
  return public_key;
}

}  // namespace

SignatureKeyPair generate_signature_key(Random& random) {
  SignatureKeyPair pair;
  random.fill(pair.private_key.mutable_view());
  pair.public_key = public_key_of(pair.private_key);
  return pair;
}

SignaturePublicKey public_key_of(const SignaturePrivateKey& key) {
  ExpandedKey expanded;
  return expand(key, expanded);
}

Signature sign(const SignaturePrivateKey& key, ByteView message) {
  ExpandedKey expanded;
  expand(key, expanded);
  Signature out;
  crypto_sign_detached(out.bytes.data(), nullptr, message.data(), message.size(), expanded.view().data());
  return out;
}

bool verify(const SignaturePublicKey& key, ByteView message, ByteView signature) {
  if (signature.size() != Signature::size_bytes) return false;
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.bytes.data()) == 0;
}

}  // namespace sotto::crypto
