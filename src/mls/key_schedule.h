// Key schedule, transcript hashes and confirmation (RFC 9420 sections 6.1, 8, 8.2, 8.5 and 11).
#pragma once

#include <string_view>

#include "mls/framing.h"

namespace sotto::mls {

struct EpochSecrets {
  SecretBytes sender_data_secret;
  SecretBytes encryption_secret;
  SecretBytes exporter_secret;
  SecretBytes external_secret;
  SecretBytes confirmation_key;
  SecretBytes membership_key;
  SecretBytes resumption_psk;
  SecretBytes epoch_authenticator;
  SecretBytes init_secret;
  /// `encryption_secret` is stored with the secret tree, so it is empty in what this writes.
  SOTTO_MLS_FIELDS(sender_data_secret, encryption_secret, exporter_secret, external_secret, confirmation_key,
                   membership_key, resumption_psk, epoch_authenticator, init_secret)
};

SecretBytes derive_joiner_secret(ByteView init_secret, ByteView commit_secret, const GroupContext& context);
SecretBytes derive_welcome_secret(ByteView joiner_secret, ByteView psk_secret);
EpochSecrets derive_epoch_secrets(ByteView joiner_secret, ByteView psk_secret, const GroupContext& context);
/// From epoch_secret itself, which is random in the first epoch of a group.
EpochSecrets split_epoch_secret(ByteView epoch_secret);

/// MLS-Exporter.
SecretBytes export_from(ByteView exporter_secret, std::string_view label, ByteView context, std::size_t length);

/// After a commit: hash of the interim hash before it, and the commit without its confirmation tag.
Bytes confirmed_transcript_hash(ByteView interim_before, const AuthenticatedContent& commit);
Bytes interim_transcript_hash(ByteView confirmed, ByteView confirmation_tag);

}  // namespace sotto::mls
