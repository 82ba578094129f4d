// The labelled forms of the primitives (RFC 9420 sections 5.1.2, 5.1.3, 5.2, 8 and 9.1): every use of a key is bound to
// its purpose by a label that starts with "MLS 1.0 ".
#pragma once

#include <string_view>

#include "base/random.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "mls/types.h"

namespace sotto::mls {

/// Hash(RefHashInput), 32 bytes. `label` is whole, with its "MLS 1.0 ".
Bytes ref_hash(std::string_view label, ByteView value);
SecretBytes expand_with_label(ByteView secret, std::string_view label, ByteView context, std::size_t length);
SecretBytes derive_secret(ByteView secret, std::string_view label);
SecretBytes derive_tree_secret(ByteView secret, std::string_view label, std::uint32_t generation, std::size_t length);

Bytes sign_with_label(const crypto::SignaturePrivateKey& key, std::string_view label, ByteView content);
/// False also if the key or the signature has the wrong size.
bool verify_with_label(ByteView signature_key, std::string_view label, ByteView content, ByteView signature);

/// Errors: INVALID_KEY.
Result<HpkeCiphertext> encrypt_with_label(ByteView public_key, std::string_view label, ByteView context,
                                          ByteView plaintext, Random& random);
/// Errors: DECRYPTION_FAILED, INVALID_KEY.
Result<SecretBytes> decrypt_with_label(const crypto::KemPrivateKey& key, std::string_view label, ByteView context,
                                       const HpkeCiphertext& ciphertext);

/// Whether an X25519 public key has the right size and is not of small order: nothing could be encrypted to such a key,
/// and one member with such a leaf would stop all others' commits.
bool is_usable_kem_key(ByteView public_key);

Bytes hash(ByteView data);
Bytes mac(ByteView key, ByteView data);
/// Compares MACs in constant time.
bool mac_equal(ByteView a, ByteView b);

/// Key and nonce that are derived from a secret of their own: sender data (section 6.3.2) and Welcome (12.4.3.1).
struct KeyAndNonce {
  crypto::AeadKey key;
  crypto::AeadNonce nonce;
};
KeyAndNonce derive_key_and_nonce(ByteView secret, ByteView context);

}  // namespace sotto::mls
