// HPKE (RFC 9180), modes base and PSK, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305.
// Pure functions; any thread.
#pragma once

#include <optional>

#include "base/random.h"
#include "crypto/aead.h"
#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::crypto {

/// A pre-shared key (RFC 9180 section 5.1.2). Both parts must be non-empty and `psk` at least 32 bytes.
struct HpkePsk {
  ByteView psk;
  ByteView psk_id;
};

struct HpkeCiphertext {
  KemPublicKey kem_output;
  Bytes ciphertext;
};

KemKeyPair generate_kem_key(Random& random);
KemPublicKey public_key_of(const KemPrivateKey& key);

/// DeriveKeyPair (RFC 9180 section 7.1.3): the key pair that MLS derives from a node secret.
KemKeyPair derive_kem_key(ByteView input_key_material);

/// One direction of an HPKE session (RFC 9180 section 5.2): seals or opens in order, and exports secrets.
class HpkeContext {
 public:
  HpkeContext(AeadKey key, AeadNonce base_nonce, SecretBytes exporter_secret);

  /// Seals the next message. Errors: LIMIT_EXCEEDED after 2^64 - 1 messages.
  Result<Bytes> seal(ByteView aad, ByteView plaintext);
  /// Opens the next message. The sequence number moves only on success. Errors: DECRYPTION_FAILED, LIMIT_EXCEEDED.
  Result<Bytes> open(ByteView aad, ByteView ciphertext);
  /// Secret export (RFC 9180 section 5.3), at most 255 * 32 bytes.
  [[nodiscard]] SecretBytes export_secret(ByteView exporter_context, std::size_t length) const;

 private:
  [[nodiscard]] AeadNonce next_nonce() const;
  AeadKey key_;
  AeadNonce base_nonce_;
  SecretBytes exporter_secret_;
  std::uint64_t sequence_ = 0;
};

struct HpkeSender {
  KemPublicKey kem_output;
  HpkeContext context;
};

/// SetupBaseS / SetupPSKS with an ephemeral key from `random`. Errors: INVALID_KEY (a point of small order),
/// INVALID_ARGUMENT (a PSK without an id, or the reverse).
Result<HpkeSender> hpke_setup_sender(const KemPublicKey& receiver, ByteView info, Random& random,
                                     const std::optional<HpkePsk>& psk = std::nullopt);
/// The same with a given ephemeral key, for RFC 9180's test vectors.
Result<HpkeSender> hpke_setup_sender_with(const KemPublicKey& receiver, ByteView info, const KemKeyPair& ephemeral,
                                          const std::optional<HpkePsk>& psk = std::nullopt);
/// SetupBaseR / SetupPSKR.
Result<HpkeContext> hpke_setup_receiver(const KemPublicKey& kem_output, const KemPrivateKey& receiver, ByteView info,
                                        const std::optional<HpkePsk>& psk = std::nullopt);

/// One-shot seal in base mode (RFC 9180 section 6.1).
Result<HpkeCiphertext> hpke_seal(const KemPublicKey& receiver, ByteView info, ByteView aad, ByteView plaintext,
                                 Random& random);
/// One-shot open in base mode. Errors: DECRYPTION_FAILED, INVALID_KEY.
Result<Bytes> hpke_open(const KemPublicKey& kem_output, const KemPrivateKey& receiver, ByteView info, ByteView aad,
                        ByteView ciphertext);

}  // namespace sotto::crypto
