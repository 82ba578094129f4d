#include "mls/welcome.h"

#include "mls/labels.h"

namespace sotto::mls {

Bytes GroupInfo::to_be_signed() const {
  Writer writer;
  writer << group_context << extensions << confirmation_tag << signer;
  return std::move(writer).take();
}

void GroupInfo::sign(const crypto::SignaturePrivateKey& key) {
  signature = sign_with_label(key, "GroupInfoTBS", to_be_signed());
}

bool GroupInfo::verify(ByteView signature_key) const {
  return verify_with_label(signature_key, "GroupInfoTBS", to_be_signed(), signature);
}

const EncryptedGroupSecrets* Welcome::find(ByteView key_package_ref) const {
  for (const auto& entry : secrets) {
    if (equal(entry.new_member, key_package_ref)) return &entry;
  }
  return nullptr;
}

std::optional<Welcome> Welcome::only_for(ByteView key_package_ref) const {
  const auto* entry = find(key_package_ref);
  if (entry == nullptr) return std::nullopt;
  return Welcome{cipher_suite, {*entry}, encrypted_group_info};
}

}  // namespace sotto::mls
