#include "mls/psk.h"

#include "mls/labels.h"

namespace sotto::mls {

SecretBytes psk_secret(std::span<const PskInput> psks) {
  // psk_secret_[0] = 0
  // psk_extracted_[i] = KDF.Extract(0, psk_[i])
  // psk_input_[i] = ExpandWithLabel(psk_extracted_[i], "derived psk", PSKLabel, KDF.Nh)
  // psk_secret_[i] = KDF.Extract(psk_input_[i-1], psk_secret_[i-1])
  const Bytes zero(hash_size);
  SecretBytes secret(hash_size);
  std::uint16_t index = 0;
  for (const auto& psk : psks) {
    Writer label;  // struct PSKLabel { PreSharedKeyID id; uint16 index; uint16 count; }
    label << psk.id << index << static_cast<std::uint16_t>(psks.size());
    const auto extracted = crypto::hkdf_extract(zero, psk.secret.view());
    const auto input = expand_with_label(extracted.view(), "derived psk", label.bytes(), hash_size);
    secret = crypto::hkdf_extract(input.view(), secret.view());
    ++index;
  }
  return secret;
}

}  // namespace sotto::mls
