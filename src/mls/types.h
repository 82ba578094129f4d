// The small types and numbers of RFC 9420 (section 17, and the IANA registries).
#pragma once

#include "base/bytes.h"
#include "mls/codec.h"

namespace sotto::mls {

enum class ProtocolVersion : std::uint16_t { reserved = 0, mls10 = 1 };

/// Any number is carried; only the one below is used.
using CipherSuite = std::uint16_t;
inline constexpr CipherSuite ciphersuite = 0x0003;  // MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519
inline constexpr std::size_t hash_size = 32;        // KDF.Nh and Hash.Nh of the ciphersuite

using ExtensionType = std::uint16_t;
namespace extension_type {
inline constexpr ExtensionType application_id = 1;
inline constexpr ExtensionType ratchet_tree = 2;
inline constexpr ExtensionType required_capabilities = 3;
inline constexpr ExtensionType external_pub = 4;
inline constexpr ExtensionType external_senders = 5;
/// The extensions of RFC 9420 itself are never listed in capabilities (section 7.2).
inline constexpr bool is_default(ExtensionType type) { return type >= 1 && type <= 5; }
}  // namespace extension_type

using ProposalType = std::uint16_t;
namespace proposal_type {
inline constexpr ProposalType add = 1;
inline constexpr ProposalType update = 2;
inline constexpr ProposalType remove = 3;
inline constexpr ProposalType psk = 4;
inline constexpr ProposalType reinit = 5;
inline constexpr ProposalType external_init = 6;
inline constexpr ProposalType group_context_extensions = 7;
inline constexpr bool is_default(ProposalType type) { return type >= 1 && type <= 7; }
}  // namespace proposal_type

using CredentialType = std::uint16_t;
namespace credential_type {
inline constexpr CredentialType basic = 1;
inline constexpr CredentialType x509 = 2;
}  // namespace credential_type

/// The position of a member among the leaves, from 0. A type of its own, not to be mixed up with a node's index.
struct LeafIndex {
  std::uint32_t value = 0;
  SOTTO_MLS_FIELDS(value)
  friend bool operator==(const LeafIndex&, const LeafIndex&) = default;
  friend auto operator<=>(const LeafIndex&, const LeafIndex&) = default;
};

// struct {
//     ExtensionType extension_type;
//     opaque extension_data<V>;
// } Extension;
struct Extension {
  ExtensionType type = 0;
  Bytes data;
  SOTTO_MLS_FIELDS(type, data)
  friend bool operator==(const Extension&, const Extension&) = default;
};
/// Unknown types are kept as they are. At most one of a type is valid (section 13.4); `has_duplicates` tells.
using Extensions = std::vector<Extension>;

const Bytes* find_extension(const Extensions& extensions, ExtensionType type);
bool has_duplicates(const Extensions& extensions);

// struct {
//     ExtensionType extension_types<V>;
//     ProposalType proposal_types<V>;
//     CredentialType credential_types<V>;
// } RequiredCapabilities;
struct RequiredCapabilities {
  std::vector<ExtensionType> extension_types;
  std::vector<ProposalType> proposal_types;
  std::vector<CredentialType> credential_types;
  SOTTO_MLS_FIELDS(extension_types, proposal_types, credential_types)
};

// struct {
//     ProtocolVersion versions<V>;
//     CipherSuite cipher_suites<V>;
//     ExtensionType extensions<V>;
//     ProposalType proposals<V>;
//     CredentialType credentials<V>;
// } Capabilities;
struct Capabilities {
  std::vector<ProtocolVersion> versions;
  std::vector<CipherSuite> cipher_suites;
  std::vector<ExtensionType> extensions;
  std::vector<ProposalType> proposals;
  std::vector<CredentialType> credentials;
  SOTTO_MLS_FIELDS(versions, cipher_suites, extensions, proposals, credentials)
  friend bool operator==(const Capabilities&, const Capabilities&) = default;

  [[nodiscard]] bool has_extension(ExtensionType type) const;
  [[nodiscard]] bool has_proposal(ProposalType type) const;
  [[nodiscard]] bool has_credential(CredentialType type) const;
  /// MLS 1.0, this ciphersuite, basic credentials, and the given extension types beyond the RFC's own.
  static Capabilities standard(std::vector<ExtensionType> extensions = {});
};

// struct {
//     opaque cert_data<V>;
// } Certificate;
struct Certificate {
  Bytes data;
  SOTTO_MLS_FIELDS(data)
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

// struct {
//     CredentialType credential_type;
//     select (Credential.credential_type) {
//         case basic: opaque identity<V>;
//         case x509:  Certificate certificates<V>;
//     };
// } Credential;
struct Credential {
  CredentialType type = credential_type::basic;
  Bytes identity;                         // basic
  std::vector<Certificate> certificates;  // x509
  void write(Writer& writer) const;
  /// A type that this code does not know cannot be parsed: its length is not on the wire.
  void read(Reader& reader);
  static Credential basic(ByteView identity);
  friend bool operator==(const Credential&, const Credential&) = default;
};

// struct {
//   opaque signature_key<V>  (SignaturePublicKey);
//   Credential credential;
// } ExternalSender;
struct ExternalSender {
  Bytes signature_key;
  Credential credential;
  SOTTO_MLS_FIELDS(signature_key, credential)
};
using ExternalSenders = std::vector<ExternalSender>;

// struct {
//     HPKEPublicKey external_pub;
// } ExternalPub;
struct ExternalPub {
  Bytes external_pub;
  SOTTO_MLS_FIELDS(external_pub)
};

// struct {
//     opaque kem_output<V>;
//     opaque ciphertext<V>;
// } HPKECiphertext;
struct HpkeCiphertext {
  Bytes kem_output;
  Bytes ciphertext;
  SOTTO_MLS_FIELDS(kem_output, ciphertext)
};

// struct {
//     ProtocolVersion version = mls10;
//     CipherSuite cipher_suite;
//     opaque group_id<V>;
//     uint64 epoch;
//     opaque tree_hash<V>;
//     opaque confirmed_transcript_hash<V>;
//     Extension extensions<V>;
// } GroupContext;
struct GroupContext {
  ProtocolVersion version = ProtocolVersion::mls10;
  CipherSuite cipher_suite = ciphersuite;
  Bytes group_id;
  std::uint64_t epoch = 0;
  Bytes tree_hash;
  Bytes confirmed_transcript_hash;
  Extensions extensions;
  SOTTO_MLS_FIELDS(version, cipher_suite, group_id, epoch, tree_hash, confirmed_transcript_hash, extensions)
};

}  // namespace sotto::mls
