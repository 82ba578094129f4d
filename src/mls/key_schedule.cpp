#include "mls/key_schedule.h"

#include "mls/labels.h"

namespace sotto::mls {

SecretBytes derive_joiner_secret(ByteView init_secret, ByteView commit_secret, const GroupContext& context) {
  const auto extracted = crypto::hkdf_extract(init_secret, commit_secret);
  return expand_with_label(extracted.view(), "joiner", encode(context), hash_size);
}

SecretBytes derive_welcome_secret(ByteView joiner_secret, ByteView psk_secret) {
  return derive_secret(crypto::hkdf_extract(joiner_secret, psk_secret).view(), "welcome");
}

EpochSecrets derive_epoch_secrets(ByteView joiner_secret, ByteView psk_secret, const GroupContext& context) {
  const auto extracted = crypto::hkdf_extract(joiner_secret, psk_secret);
  return split_epoch_secret(expand_with_label(extracted.view(), "epoch", encode(context), hash_size).view());
}

EpochSecrets split_epoch_secret(ByteView epoch_secret) {
  EpochSecrets out;
  out.sender_data_secret = derive_secret(epoch_secret, "sender data");
  out.encryption_secret = derive_secret(epoch_secret, "encryption");
  out.exporter_secret = derive_secret(epoch_secret, "exporter");
  out.external_secret = derive_secret(epoch_secret, "external");
  out.confirmation_key = derive_secret(epoch_secret, "confirm");
  out.membership_key = derive_secret(epoch_secret, "membership");
  out.resumption_psk = derive_secret(epoch_secret, "resumption");
  out.epoch_authenticator = derive_secret(epoch_secret, "authentication");
  out.init_secret = derive_secret(epoch_secret, "init");
  return out;
}

SecretBytes export_from(ByteView exporter_secret, std::string_view label, ByteView context, std::size_t length) {
  const auto derived = derive_secret(exporter_secret, label);
  return expand_with_label(derived.view(), "exported", hash(context), length);
}

Bytes confirmed_transcript_hash(ByteView interim_before, const AuthenticatedContent& commit) {
  // struct { WireFormat wire_format; FramedContent content; opaque signature<V>; } ConfirmedTranscriptHashInput;
  Writer writer;
  writer.raw(interim_before);
  writer << commit.wire_format << commit.content << commit.auth.signature;
  return hash(writer.bytes());
}

Bytes interim_transcript_hash(ByteView confirmed, ByteView confirmation_tag) {
  // struct { MAC confirmation_tag; } InterimTranscriptHashInput;
  Writer writer;
  writer.raw(confirmed);
  writer.opaque(confirmation_tag);
  return hash(writer.bytes());
}

}  // namespace sotto::mls
