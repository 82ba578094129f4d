// Proposals, commits and update paths (RFC 9420 sections 7.6, 8.4, 12.1 and 12.4).
#pragma once

#include <variant>

#include "mls/key_package.h"

namespace sotto::mls {

// struct {
//     KeyPackage key_package;
// } Add;
struct Add {
  KeyPackage key_package;
  SOTTO_MLS_FIELDS(key_package)
};

// struct {
//     LeafNode leaf_node;
// } Update;
struct Update {
  LeafNode leaf_node;
  SOTTO_MLS_FIELDS(leaf_node)
};

// struct {
//     uint32 removed;
// } Remove;
struct Remove {
  LeafIndex removed;
  SOTTO_MLS_FIELDS(removed)
};

enum class PskType : std::uint8_t { reserved = 0, external = 1, resumption = 2 };
enum class ResumptionPskUsage : std::uint8_t { reserved = 0, application = 1, reinit = 2, branch = 3 };

// struct {
//   PSKType psktype;
//   select (PreSharedKeyID.psktype) {
//     case external:
//       opaque psk_id<V>;
//     case resumption:
//       ResumptionPSKUsage usage;
//       opaque psk_group_id<V>;
//       uint64 psk_epoch;
//   };
//   opaque psk_nonce<V>;
// } PreSharedKeyID;
struct PreSharedKeyId {
  PskType type = PskType::external;
  Bytes psk_id;                                                // external
  ResumptionPskUsage usage = ResumptionPskUsage::application;  // resumption
  Bytes psk_group_id;                                          // resumption
  std::uint64_t psk_epoch = 0;                                 // resumption
  Bytes psk_nonce;
  void write(Writer& writer) const;
  void read(Reader& reader);
};

// struct {
//     PreSharedKeyID psk;
// } PreSharedKey;
struct PreSharedKey {
  PreSharedKeyId psk;
  SOTTO_MLS_FIELDS(psk)
};

// struct {
//     opaque group_id<V>;
//     ProtocolVersion version;
//     CipherSuite cipher_suite;
//     Extension extensions<V>;
// } ReInit;
struct ReInit {
  Bytes group_id;
  ProtocolVersion version = ProtocolVersion::mls10;
  CipherSuite cipher_suite = 0;
  Extensions extensions;
  SOTTO_MLS_FIELDS(group_id, version, cipher_suite, extensions)
};

// struct {
//     opaque kem_output<V>;
// } ExternalInit;
struct ExternalInit {
  Bytes kem_output;
  SOTTO_MLS_FIELDS(kem_output)
};

// struct {
//   Extension extensions<V>;
// } GroupContextExtensions;
struct GroupContextExtensions {
  Extensions extensions;
  SOTTO_MLS_FIELDS(extensions)
};

// struct {
//     ProposalType proposal_type;
//     select (Proposal.proposal_type) {
//         case add:                      Add;
//         case update:                   Update;
//         case remove:                   Remove;
//         case psk:                      PreSharedKey;
//         case reinit:                   ReInit;
//         case external_init:            ExternalInit;
//         case group_context_extensions: GroupContextExtensions;
//     };
// } Proposal;
/// A proposal type that this code does not know has no length on the wire and does not parse.
struct Proposal {
  std::variant<Add, Update, Remove, PreSharedKey, ReInit, ExternalInit, GroupContextExtensions> content;
  [[nodiscard]] ProposalType type() const { return static_cast<ProposalType>(content.index() + 1); }
  void write(Writer& writer) const;
  void read(Reader& reader);
};

enum class ProposalOrRefType : std::uint8_t { reserved = 0, proposal = 1, reference = 2 };

// struct {
//   ProposalOrRefType type;
//   select (ProposalOrRef.type) {
//     case proposal:  Proposal proposal;
//     case reference: ProposalRef reference;
//   };
// } ProposalOrRef;
struct ProposalOrRef {
  std::variant<Proposal, Bytes> content;
  void write(Writer& writer) const;
  void read(Reader& reader);
};

// struct {
//     HPKEPublicKey encryption_key;
//     HPKECiphertext encrypted_path_secret<V>;
// } UpdatePathNode;
struct UpdatePathNode {
  Bytes encryption_key;
  std::vector<HpkeCiphertext> encrypted_path_secret;
  SOTTO_MLS_FIELDS(encryption_key, encrypted_path_secret)
};

// struct {
//     LeafNode leaf_node;
//     UpdatePathNode nodes<V>;
// } UpdatePath;
struct UpdatePath {
  LeafNode leaf_node;
  std::vector<UpdatePathNode> nodes;
  SOTTO_MLS_FIELDS(leaf_node, nodes)
};

// struct {
//     ProposalOrRef proposals<V>;
//     optional<UpdatePath> path;
// } Commit;
struct Commit {
  std::vector<ProposalOrRef> proposals;
  std::optional<UpdatePath> path;
  SOTTO_MLS_FIELDS(proposals, path)
};

}  // namespace sotto::mls
