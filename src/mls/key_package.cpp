#include "mls/key_package.h"

#include <algorithm>

#include "base/try.h"
#include "crypto/hpke.h"
#include "mls/framing.h"
#include "mls/labels.h"

namespace sotto::mls {

Bytes KeyPackage::to_be_signed() const {
  Writer writer;
  writer << version << cipher_suite << init_key << leaf_node << extensions;
  return std::move(writer).take();
}

void KeyPackage::sign(const crypto::SignaturePrivateKey& key) {
  signature = sign_with_label(key, "KeyPackageTBS", to_be_signed());
}

Bytes KeyPackage::ref() const { return ref_hash("MLS 1.0 KeyPackage Reference", encode(*this)); }

Status KeyPackage::validate() const {
  if (version != ProtocolVersion::mls10 || cipher_suite != ciphersuite) {
    return Error(ErrorCode::UNSUPPORTED, "a key package for another version or ciphersuite");
  }
  if (leaf_node.source != LeafNodeSource::key_package) {
    return Error(ErrorCode::MALFORMED, "the leaf of a key package has another source");
  }
  if (!is_usable_kem_key(init_key) || init_key == leaf_node.encryption_key) {
    return Error(ErrorCode::INVALID_KEY, "the init key is not usable or equals the encryption key");
  }
  SOTTO_TRY(leaf_node.validate());
  const auto& offered = leaf_node.capabilities;
  if (std::find(offered.versions.begin(), offered.versions.end(), version) == offered.versions.end() ||
      std::find(offered.cipher_suites.begin(), offered.cipher_suites.end(), cipher_suite) ==
          offered.cipher_suites.end()) {
    return Error(ErrorCode::UNSUPPORTED, "a key package's capabilities do not list its own version or ciphersuite");
  }
  if (has_duplicates(extensions)) return Error(ErrorCode::MALFORMED, "a key package has an extension twice");
  for (const auto& extension : extensions) {
    if (!offered.has_extension(extension.type)) {
      return Error(ErrorCode::UNSUPPORTED, "a key package has an extension that its capabilities do not list");
    }
  }
  if (!leaf_node.verify({}, {}) ||
      !verify_with_label(leaf_node.signature_key, "KeyPackageTBS", to_be_signed(), signature)) {
    return ErrorCode::BAD_SIGNATURE;
  }
  return {};
}

KeyPackageBundle KeyPackageBundle::clone() const { return {key_package, init_key.clone(), encryption_key.clone()}; }

SecretBytes KeyPackageBundle::serialize() const {
  auto writer = Writer::for_secrets();
  writer << key_package;
  writer.raw(init_key.view());
  writer.raw(encryption_key.view());
  return std::move(writer).take_secret();
}

Result<KeyPackageBundle> KeyPackageBundle::parse(ByteView bytes) {
  Reader reader(bytes);
  KeyPackageBundle out;
  reader >> out.key_package;
  const bool keys = assign_exact(out.init_key, reader.raw(crypto::KemPrivateKey::size_bytes)) &&
                    assign_exact(out.encryption_key, reader.raw(crypto::KemPrivateKey::size_bytes));
  if (!keys || !reader.ok() || reader.left() != 0) return ErrorCode::MALFORMED;
  return out;
}

KeyPackageBundle make_key_package(const KeyPackageParams& params, const crypto::SignatureKeyPair& signature_key,
                                  Random& random) {
  auto init = crypto::generate_kem_key(random);
  auto encryption = crypto::generate_kem_key(random);
  KeyPackageBundle out;
  auto& leaf = out.key_package.leaf_node;
  leaf.encryption_key = to_bytes(encryption.public_key.view());
  leaf.signature_key = to_bytes(signature_key.public_key.view());
  leaf.credential = Credential::basic(params.identity);
  leaf.capabilities = params.capabilities;
  leaf.source = LeafNodeSource::key_package;
  leaf.lifetime = params.lifetime;
  leaf.extensions = params.leaf_extensions;
  leaf.sign(signature_key.private_key, {}, {});
  out.key_package.init_key = to_bytes(init.public_key.view());
  out.key_package.extensions = params.key_package_extensions;
  out.key_package.sign(signature_key.private_key);
  out.init_key = std::move(init.private_key);
  out.encryption_key = std::move(encryption.private_key);
  return out;
}

Bytes to_message(const KeyPackage& key_package) { return encode(MlsMessage{key_package}); }

Result<KeyPackage> key_package_from_message(ByteView message) {
  SOTTO_TRY_ASSIGN(auto parsed, decode<MlsMessage>(message));
  auto* key_package = std::get_if<KeyPackage>(&parsed.content);
  if (key_package == nullptr) return ErrorCode::MALFORMED;
  return std::move(*key_package);
}

}  // namespace sotto::mls
