// What a group stores, record by record. Formats are those of the codec; the group record starts with a version.
#pragma once

#include "mls/key_schedule.h"
#include "mls/tree_math.h"

namespace sotto::mls {

/// Raised when a stored record changes its form; `Group::load` refuses what is newer.
inline constexpr std::uint32_t storage_format = 1;

struct GroupRecord {
  std::uint32_t format = storage_format;
  GroupContext context;
  Bytes interim_transcript_hash;
  LeafIndex own_leaf;
  std::uint8_t active = 1;
  std::uint32_t leaf_count = 0;
  SecretBytes signature_key;
  /// Without encryption_secret, which is the root of the stored secret tree.
  EpochSecrets secrets;
  SOTTO_MLS_FIELDS(format, context, interim_transcript_hash, own_leaf, active, leaf_count, signature_key, secrets)
};

struct PastEpochRecord {
  /// Milliseconds since 1970, when this device left the epoch.
  std::uint64_t superseded_at = 0;
  std::uint32_t leaf_count = 0;
  GroupContext context;
  SecretBytes sender_data_secret;
  SecretBytes resumption_psk;
  SOTTO_MLS_FIELDS(superseded_at, leaf_count, context, sender_data_secret, resumption_psk)
};

/// A proposal with its sender, wherever the commit had it from.
struct ResolvedProposal {
  Proposal proposal;
  LeafIndex sender;
  std::uint8_t by_reference = 0;
  SOTTO_MLS_FIELDS(proposal, sender, by_reference)
};

/// An own commit: from it and the state of its epoch, everything else about the next epoch is derived again.
struct PendingRecord {
  Bytes id;
  Bytes authenticated_data;
  std::vector<ResolvedProposal> proposals;
  LeafNode leaf;
  SecretBytes leaf_key;
  /// Of the first node of the filtered direct path.
  SecretBytes path_secret;
  SecretBytes joiner_secret;
  SecretBytes psk_secret;
  std::vector<PreSharedKeyId> psks;
  /// Empty unless the commit changes it.
  SecretBytes signature_key;
  Bytes confirmed_transcript_hash;
  Bytes confirmation_tag;
  SOTTO_MLS_FIELDS(id, authenticated_data, proposals, leaf, leaf_key, path_secret, joiner_secret, psk_secret, psks,
                   signature_key, confirmed_transcript_hash, confirmation_tag)
};

struct ProposalRecord {
  AuthenticatedContent content;
  /// Of an own Update: the private keys that come with it; otherwise empty.
  SecretBytes leaf_key;
  SecretBytes signature_key;
  SOTTO_MLS_FIELDS(content, leaf_key, signature_key)
};

}  // namespace sotto::mls
