// A member's leaf: its keys, who it is, what it can do (RFC 9420 section 7.2).
#pragma once

#include "crypto/keys.h"
#include "mls/types.h"

namespace sotto::mls {

enum class LeafNodeSource : std::uint8_t { reserved = 0, key_package = 1, update = 2, commit = 3 };

// struct {
//     uint64 not_before;
//     uint64 not_after;
// } Lifetime;
/// Seconds since 1970-01-01 UTC. The business of the adder only: never a reason to refuse a commit.
struct Lifetime {
  std::uint64_t not_before = 0;
  std::uint64_t not_after = 0;
  SOTTO_MLS_FIELDS(not_before, not_after)
  [[nodiscard]] bool contains(std::uint64_t now_seconds) const {
    return not_before <= now_seconds && now_seconds <= not_after;
  }
  friend bool operator==(const Lifetime&, const Lifetime&) = default;
};

// struct {
//     HPKEPublicKey encryption_key;
//     SignaturePublicKey signature_key;
//     Credential credential;
//     Capabilities capabilities;
//     LeafNodeSource leaf_node_source;
//     select (LeafNode.leaf_node_source) {
//         case key_package: Lifetime lifetime;
//         case update:      struct{};
//         case commit:      opaque parent_hash<V>;
//     };
//     Extension extensions<V>;
//     /* SignWithLabel(., "LeafNodeTBS", LeafNodeTBS) */
//     opaque signature<V>;
// } LeafNode;
struct LeafNode {
  Bytes encryption_key;
  Bytes signature_key;
  Credential credential;
  Capabilities capabilities;
  LeafNodeSource source = LeafNodeSource::key_package;
  Lifetime lifetime;  // source key_package
  Bytes parent_hash;  // source commit
  Extensions extensions;
  Bytes signature;

  void write(Writer& writer) const;
  void read(Reader& reader);
  friend bool operator==(const LeafNode&, const LeafNode&) = default;

  /// Signs; `group_id` and `index` are part of what is signed unless the source is key_package.
  void sign(const crypto::SignaturePrivateKey& key, ByteView group_id, LeafIndex index);
  [[nodiscard]] bool verify(ByteView group_id, LeafIndex index) const;

  /// What section 7.3 asks of a leaf alone, without the group: key sizes, capabilities that cover its own credential
  /// and extensions, no extension twice. Not the signature, not the lifetime. Errors: MALFORMED, INVALID_KEY,
  /// UNSUPPORTED.
  [[nodiscard]] Status validate() const;
  /// Whether the capabilities cover what a group with these extensions asks of members: the types of the extensions,
  /// and required_capabilities. Errors: UNSUPPORTED, MALFORMED.
  [[nodiscard]] Status supports(const Extensions& group_extensions) const;

 private:
  void write_content(Writer& writer) const;
  [[nodiscard]] Bytes to_be_signed(ByteView group_id, LeafIndex index) const;
};

}  // namespace sotto::mls
