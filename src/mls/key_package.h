// Key packages (RFC 9420 section 10): how a device is added while it is away.
#pragma once

#include "base/random.h"
#include "mls/leaf_node.h"

namespace sotto::mls {

// struct {
//     ProtocolVersion version;
//     CipherSuite cipher_suite;
//     HPKEPublicKey init_key;
//     LeafNode leaf_node;
//     Extension extensions<V>;
//     /* SignWithLabel(., "KeyPackageTBS", KeyPackageTBS) */
//     opaque signature<V>;
// } KeyPackage;
struct KeyPackage {
  ProtocolVersion version = ProtocolVersion::mls10;
  CipherSuite cipher_suite = ciphersuite;
  Bytes init_key;
  LeafNode leaf_node;
  Extensions extensions;
  Bytes signature;
  SOTTO_MLS_FIELDS(version, cipher_suite, init_key, leaf_node, extensions, signature)

  void sign(const crypto::SignaturePrivateKey& key);
  /// KeyPackageRef (section 5.2): 32 bytes.
  [[nodiscard]] Bytes ref() const;
  /// Section 10.1: version, ciphersuite, both signatures, keys, capabilities. Not the lifetime, which an adder checks
  /// by `leaf_node.lifetime.contains(now)`. Errors: UNSUPPORTED, BAD_SIGNATURE, INVALID_KEY, MALFORMED.
  [[nodiscard]] Status validate() const;

 private:
  [[nodiscard]] Bytes to_be_signed() const;
};

struct KeyPackageParams {
  /// The identity of the BasicCredential.
  Bytes identity;
  Lifetime lifetime;
  Capabilities capabilities = Capabilities::standard();
  Extensions leaf_extensions;
  Extensions key_package_extensions;
};

/// A key package with its private keys. The signature key is not part of it: a device has one for all groups.
struct KeyPackageBundle {
  KeyPackage key_package;
  crypto::KemPrivateKey init_key;
  crypto::KemPrivateKey encryption_key;

  [[nodiscard]] KeyPackageBundle clone() const;
  /// The key package and both private keys, for storage.
  [[nodiscard]] SecretBytes serialize() const;
  static Result<KeyPackageBundle> parse(ByteView bytes);
};

KeyPackageBundle make_key_package(const KeyPackageParams& params, const crypto::SignatureKeyPair& signature_key,
                                  Random& random);

/// A key package as an MLSMessage, the form in which it is published; and back. Errors: MALFORMED.
Bytes to_message(const KeyPackage& key_package);
Result<KeyPackage> key_package_from_message(ByteView message);

}  // namespace sotto::mls
