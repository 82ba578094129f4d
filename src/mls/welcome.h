// What a new member needs (RFC 9420 sections 12.4.3 and 12.4.3.1).
#pragma once

#include "mls/proposal.h"

namespace sotto::mls {

// struct {
//     GroupContext group_context;
//     Extension extensions<V>;
//     MAC confirmation_tag;
//     uint32 signer;
//     /* SignWithLabel(., "GroupInfoTBS", GroupInfoTBS) */
//     opaque signature<V>;
// } GroupInfo;
struct GroupInfo {
  GroupContext group_context;
  Extensions extensions;
  Bytes confirmation_tag;
  LeafIndex signer;
  Bytes signature;
  SOTTO_MLS_FIELDS(group_context, extensions, confirmation_tag, signer, signature)

  void sign(const crypto::SignaturePrivateKey& key);
  [[nodiscard]] bool verify(ByteView signature_key) const;

 private:
  [[nodiscard]] Bytes to_be_signed() const;
};

// struct {
//   opaque path_secret<V>;
// } PathSecret;
struct PathSecret {
  SecretBytes path_secret;
  SOTTO_MLS_FIELDS(path_secret)
};

// struct {
//   opaque joiner_secret<V>;
//   optional<PathSecret> path_secret;
//   PreSharedKeyID psks<V>;
// } GroupSecrets;
struct GroupSecrets {
  SecretBytes joiner_secret;
  std::optional<PathSecret> path_secret;
  std::vector<PreSharedKeyId> psks;
  SOTTO_MLS_FIELDS(joiner_secret, path_secret, psks)
};

// struct {
//   KeyPackageRef new_member;
//   HPKECiphertext encrypted_group_secrets;
// } EncryptedGroupSecrets;
struct EncryptedGroupSecrets {
  Bytes new_member;
  HpkeCiphertext encrypted_group_secrets;
  SOTTO_MLS_FIELDS(new_member, encrypted_group_secrets)
};

// struct {
//   CipherSuite cipher_suite;
//   EncryptedGroupSecrets secrets<V>;
//   opaque encrypted_group_info<V>;
// } Welcome;
struct Welcome {
  CipherSuite cipher_suite = ciphersuite;
  std::vector<EncryptedGroupSecrets> secrets;
  Bytes encrypted_group_info;
  SOTTO_MLS_FIELDS(cipher_suite, secrets, encrypted_group_info)

  /// The entry for a key package, or nothing.
  [[nodiscard]] const EncryptedGroupSecrets* find(ByteView key_package_ref) const;
  /// The same Welcome with the entry for one key package only: what is sent to one device.
  [[nodiscard]] std::optional<Welcome> only_for(ByteView key_package_ref) const;
};

}  // namespace sotto::mls
