#include "mls/leaf_node.h"

#include "base/try.h"
#include "mls/labels.h"

namespace sotto::mls {

void LeafNode::write_content(Writer& writer) const {
  writer << encryption_key << signature_key << credential << capabilities << source;
  if (source == LeafNodeSource::key_package) writer << lifetime;
  if (source == LeafNodeSource::commit) writer << parent_hash;
  writer << extensions;
}

void LeafNode::write(Writer& writer) const {
  write_content(writer);
  writer << signature;
}

void LeafNode::read(Reader& reader) {
  reader >> encryption_key >> signature_key >> credential >> capabilities >> source;
  switch (source) {
    case LeafNodeSource::key_package:
      reader >> lifetime;
      break;
    case LeafNodeSource::update:
      break;
    case LeafNodeSource::commit:
      reader >> parent_hash;
      break;
    default:
      reader.fail();
  }
  reader >> extensions >> signature;
}

Bytes LeafNode::to_be_signed(ByteView group_id, LeafIndex index) const {
  // LeafNodeTBS: the content, and for sources update and commit also opaque group_id<V>; uint32 leaf_index.
  Writer writer;
  write_content(writer);
  if (source != LeafNodeSource::key_package) {
    writer.opaque(group_id);
    writer << index;
  }
  return std::move(writer).take();
}

void LeafNode::sign(const crypto::SignaturePrivateKey& key, ByteView group_id, LeafIndex index) {
  signature = sign_with_label(key, "LeafNodeTBS", to_be_signed(group_id, index));
}

bool LeafNode::verify(ByteView group_id, LeafIndex index) const {
  return verify_with_label(signature_key, "LeafNodeTBS", to_be_signed(group_id, index), signature);
}

Status LeafNode::validate() const {
  if (!is_usable_kem_key(encryption_key) || signature_key.size() != crypto::SignaturePublicKey::size_bytes) {
    return Error(ErrorCode::INVALID_KEY, "a leaf's key is not usable");
  }
  if (has_duplicates(extensions)) return Error(ErrorCode::MALFORMED, "a leaf has an extension twice");
  for (const auto& extension : extensions) {
    if (!capabilities.has_extension(extension.type)) {
      return Error(ErrorCode::UNSUPPORTED, "a leaf has an extension that its capabilities do not list");
    }
  }
  if (!capabilities.has_credential(credential.type)) {
    return Error(ErrorCode::UNSUPPORTED, "a leaf's capabilities do not list its credential");
  }
  return {};
}

Status LeafNode::supports(const Extensions& group_extensions) const {
  for (const auto& extension : group_extensions) {
    if (!capabilities.has_extension(extension.type)) {
      return Error(ErrorCode::UNSUPPORTED, "a member does not support an extension of the group");
    }
  }
  const auto* required_data = find_extension(group_extensions, extension_type::required_capabilities);
  if (required_data == nullptr) return {};
  SOTTO_TRY_ASSIGN(const auto required, decode<RequiredCapabilities>(*required_data));
  bool all = true;
  for (const auto type : required.extension_types) all = all && capabilities.has_extension(type);
  for (const auto type : required.proposal_types) all = all && capabilities.has_proposal(type);
  for (const auto type : required.credential_types) all = all && capabilities.has_credential(type);
  if (!all) return Error(ErrorCode::UNSUPPORTED, "a member lacks a required capability");
  return {};
}

}  // namespace sotto::mls
