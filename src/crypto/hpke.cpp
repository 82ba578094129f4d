#include "crypto/hpke.h"

#include <sodium.h>

#include "base/try.h"
#include "crypto/hash.h"

namespace sotto::crypto {

namespace {

enum class Mode : std::uint8_t { base = 0x00, psk = 0x01 };

constexpr std::size_t shared_secret_size = 32;

// RFC 9180 sections 4.1 and 5.1: kem_id 0x0020, kdf_id 0x0001, aead_id 0x0003.
constexpr std::array<std::uint8_t, 5> kem_suite_id = {'K', 'E', 'M', 0x00, 0x20};
constexpr std::array<std::uint8_t, 10> hpke_suite_id = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03};

using DhOutput = SecretArray<struct DhOutputTag, 32>;

/// The concatenation, in one buffer of the right size: growing one would leave copies of secrets behind.
SecretBytes concat_secret(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const auto& part : parts) size += part.size();
  SecretBytes out(size);
  auto to = out.mutable_view().begin();
  for (const auto& part : parts) to = std::copy(part.begin(), part.end(), to);
  return out;
}

// RFC 9180 section 4, LabeledExtract.
SecretBytes labeled_extract(ByteView suite_id, ByteView salt, std::string_view label, ByteView input_key_material) {
  return hkdf_extract(salt, concat_secret({as_bytes("HPKE-v1"), suite_id, as_bytes(label), input_key_material}).view());
}

// RFC 9180 section 4, LabeledExpand.
SecretBytes labeled_expand(ByteView suite_id, ByteView pseudo_random_key, std::string_view label, ByteView info,
                           std::size_t length) {
  const std::array<std::uint8_t, 2> size = {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
  return hkdf_expand(pseudo_random_key, concat({size, as_bytes("HPKE-v1"), suite_id, as_bytes(label), info}), length);
}

// X25519. RFC 9180 section 7.1.4: an all-zero output, that is a public key of small order, is refused.
Status diffie_hellman(const KemPrivateKey& private_key, const KemPublicKey& public_key, DhOutput& out) {
  if (crypto_scalarmult_curve25519(out.mutable_view().data(), private_key.view().data(), public_key.bytes.data()) !=
      0) {
    return Error(ErrorCode::INVALID_KEY, "a KEM public key of small order");
  }
  return {};
}

// RFC 9180 section 4.1, ExtractAndExpand with kem_context = enc || pkRm.
SecretBytes extract_and_expand(const DhOutput& dh, const KemPublicKey& kem_output, const KemPublicKey& receiver) {
  const auto eae_prk = labeled_extract(kem_suite_id, {}, "eae_prk", dh.view());
  return labeled_expand(kem_suite_id, eae_prk.view(), "shared_secret", concat({kem_output.view(), receiver.view()}),
                        shared_secret_size);
}

// RFC 9180 section 5.1, VerifyPSKInputs.
Status check_psk(const std::optional<HpkePsk>& psk) {
  if (psk && (psk->psk_id.empty() || psk->psk.size() < 32)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "an HPKE PSK needs an id and at least 32 bytes");
  }
  return {};
}

// RFC 9180 section 5.1, KeySchedule.
HpkeContext key_schedule(const SecretBytes& shared_secret, ByteView info, const std::optional<HpkePsk>& psk) {
  const auto mode = static_cast<std::uint8_t>(psk ? Mode::psk : Mode::base);
  const HpkePsk used = psk.value_or(HpkePsk{});
  const auto psk_id_hash = labeled_extract(hpke_suite_id, {}, "psk_id_hash", used.psk_id);
  const auto info_hash = labeled_extract(hpke_suite_id, {}, "info_hash", info);
  const auto context = concat({ByteView(&mode, 1), psk_id_hash.view(), info_hash.view()});
  const auto secret = labeled_extract(hpke_suite_id, shared_secret.view(), "secret", used.psk);

  const auto expand = [&](std::string_view label, std::size_t length) {
    return labeled_expand(hpke_suite_id, secret.view(), label, context, length);
  };
  AeadKey key(expand("key", AeadKey::size_bytes).view().first<AeadKey::size_bytes>());
  AeadNonce base_nonce;
  assign_exact(base_nonce, expand("base_nonce", AeadNonce::size_bytes).view());
  return {std::move(key), base_nonce, expand("exp", Sha256Digest::size_bytes)};
}

}  // namespace

KemKeyPair generate_kem_key(Random& random) {
  SecretArray<struct KemSeedTag, 32> seed;
  random.fill(seed.mutable_view());
  return derive_kem_key(seed.view());
}

KemPublicKey public_key_of(const KemPrivateKey& key) {
  KemPublicKey out;
  crypto_scalarmult_curve25519_base(out.bytes.data(), key.view().data());
  return out;
}

KemKeyPair derive_kem_key(ByteView input_key_material) {
  const auto dkp_prk = labeled_extract(kem_suite_id, {}, "dkp_prk", input_key_material);
  const auto private_key = labeled_expand(kem_suite_id, dkp_prk.view(), "sk", {}, KemPrivateKey::size_bytes);
  KemKeyPair pair;
  assign_exact(pair.private_key, private_key.view());
  pair.public_key = public_key_of(pair.private_key);
  return pair;
}

HpkeContext::HpkeContext(AeadKey key, AeadNonce base_nonce, SecretBytes exporter_secret)
    : key_(std::move(key)), base_nonce_(base_nonce), exporter_secret_(std::move(exporter_secret)) {}

AeadNonce HpkeContext::next_nonce() const {
  AeadNonce nonce = base_nonce_;
  for (std::size_t i = 0; i < 8; ++i) {
    nonce.bytes[nonce.bytes.size() - 1 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
  }
  return nonce;
}

Result<Bytes> HpkeContext::seal(ByteView aad, ByteView plaintext) {
  if (sequence_ == UINT64_MAX) return ErrorCode::LIMIT_EXCEEDED;
  auto out = aead_seal(key_, next_nonce(), aad, plaintext);
  ++sequence_;
  return out;
}

Result<Bytes> HpkeContext::open(ByteView aad, ByteView ciphertext) {
  if (sequence_ == UINT64_MAX) return ErrorCode::LIMIT_EXCEEDED;
  auto out = aead_open(key_, next_nonce(), aad, ciphertext);
  if (out.ok()) ++sequence_;
  return out;
}

SecretBytes HpkeContext::export_secret(ByteView exporter_context, std::size_t length) const {
  return labeled_expand(hpke_suite_id, exporter_secret_.view(), "sec", exporter_context, length);
}

Result<HpkeSender> hpke_setup_sender(const KemPublicKey& receiver, ByteView info, Random& random,
                                     const std::optional<HpkePsk>& psk) {
  return hpke_setup_sender_with(receiver, info, generate_kem_key(random), psk);
}

Result<HpkeSender> hpke_setup_sender_with(const KemPublicKey& receiver, ByteView info, const KemKeyPair& ephemeral,
                                          const std::optional<HpkePsk>& psk) {
  SOTTO_TRY(check_psk(psk));
  DhOutput dh;
  SOTTO_TRY(diffie_hellman(ephemeral.private_key, receiver, dh));
  const auto shared_secret = extract_and_expand(dh, ephemeral.public_key, receiver);
  return HpkeSender{ephemeral.public_key, key_schedule(shared_secret, info, psk)};
}

Result<HpkeContext> hpke_setup_receiver(const KemPublicKey& kem_output, const KemPrivateKey& receiver, ByteView info,
                                        const std::optional<HpkePsk>& psk) {
  SOTTO_TRY(check_psk(psk));
  DhOutput dh;
  SOTTO_TRY(diffie_hellman(receiver, kem_output, dh));
  const auto shared_secret = extract_and_expand(dh, kem_output, public_key_of(receiver));
  return key_schedule(shared_secret, info, psk);
}

Result<HpkeCiphertext> hpke_seal(const KemPublicKey& receiver, ByteView info, ByteView aad, ByteView plaintext,
                                 Random& random) {
  SOTTO_TRY_ASSIGN(auto sender, hpke_setup_sender(receiver, info, random));
  SOTTO_TRY_ASSIGN(auto ciphertext, sender.context.seal(aad, plaintext));
  return HpkeCiphertext{sender.kem_output, std::move(ciphertext)};
}

Result<Bytes> hpke_open(const KemPublicKey& kem_output, const KemPrivateKey& receiver, ByteView info, ByteView aad,
                        ByteView ciphertext) {
  SOTTO_TRY_ASSIGN(auto context, hpke_setup_receiver(kem_output, receiver, info));
  return context.open(aad, ciphertext);
}

}  // namespace sotto::crypto
