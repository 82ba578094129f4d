#include "mls/message_protection.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "crypto/aead.h"

namespace sotto::mls {

namespace {

// struct { opaque group_id<V>; uint64 epoch; ContentType content_type; opaque authenticated_data<V>; }
// PrivateContentAAD;
Bytes content_aad(const PrivateMessage& message) {
  Writer writer;
  writer << message.group_id << message.epoch << message.content_type << message.authenticated_data;
  return std::move(writer).take();
}

// struct { opaque group_id<V>; uint64 epoch; ContentType content_type; } SenderDataAAD;
Bytes sender_data_aad(const PrivateMessage& message) {
  Writer writer;
  writer << message.group_id << message.epoch << message.content_type;
  return std::move(writer).take();
}

// Two encryptions under the same key, by a restored copy of a sender, still differ in their nonces (section 6.3.1).
crypto::AeadNonce guarded(crypto::AeadNonce nonce, std::uint32_t reuse_guard) {
  for (std::size_t i = 0; i < 4; ++i) nonce.bytes[i] ^= static_cast<std::uint8_t>(reuse_guard >> (24 - 8 * i));
  return nonce;
}

// AuthenticatedContentTBM: FramedContentTBS and FramedContentAuthData.
Bytes membership_tag(const AuthenticatedContent& content, ByteView membership_key, const GroupContext& context) {
  Writer writer;
  writer.raw(content.to_be_signed(context));
  content.auth.write_for(writer, content.content.content_type());
  return mac(membership_key, writer.bytes());
}

}  // namespace

KeyAndNonce sender_data_key(ByteView sender_data_secret, ByteView ciphertext) {
  return derive_key_and_nonce(sender_data_secret, ciphertext.first(std::min(hash_size, ciphertext.size())));
}

PrivateMessage seal_private(const AuthenticatedContent& content, const MessageKey& key, ByteView sender_data_secret,
                            std::size_t padding, Random& random) {
  // struct {
  //     select (PrivateMessage.content_type) {
  //         case application: opaque application_data<V>;
  //         case proposal:    Proposal proposal;
  //         case commit:      Commit commit;
  //     };
  //     FramedContentAuthData auth;
  //     opaque padding[length_of_padding];
  // } PrivateMessageContent;
  const auto type = content.content.content_type();
  auto plaintext = Writer::for_secrets();
  std::visit([&](const auto& value) { plaintext << value; }, content.content.content);
  content.auth.write_for(plaintext, type);
  plaintext.raw(Bytes(padding));

  SenderData sender{{content.content.sender.index}, key.generation, 0};
  std::array<std::uint8_t, 4> guard{};
  random.fill(guard);
  for (const auto byte : guard) sender.reuse_guard = sender.reuse_guard << 8 | byte;

  PrivateMessage out;
  out.group_id = content.content.group_id;
  out.epoch = content.content.epoch;
  out.content_type = type;
  out.authenticated_data = content.content.authenticated_data;
  const auto secret_plaintext = std::move(plaintext).take_secret();
  out.ciphertext =
      crypto::aead_seal(key.key, guarded(key.nonce, sender.reuse_guard), content_aad(out), secret_plaintext.view());
  const auto sender_key = sender_data_key(sender_data_secret, out.ciphertext);
  SOTTO_SEALED(key.key.view(), out.ciphertext);
  out.encrypted_sender_data = crypto::aead_seal(sender_key.key, sender_key.nonce, sender_data_aad(out), encode(sender));
  return out;
}

Result<SenderData> open_sender_data(const PrivateMessage& message, ByteView sender_data_secret) {
  const auto key = sender_data_key(sender_data_secret, message.ciphertext);
  SOTTO_TRY_ASSIGN(const auto plaintext,
                   crypto::aead_open(key.key, key.nonce, sender_data_aad(message), message.encrypted_sender_data));
  return decode<SenderData>(plaintext);
}

Result<AuthenticatedContent> open_private(const PrivateMessage& message, const SenderData& sender,
                                          const MessageKey& key) {
  SOTTO_TRY_ASSIGN(const auto plaintext, crypto::aead_open(key.key, guarded(key.nonce, sender.reuse_guard),
                                                           content_aad(message), message.ciphertext));
  AuthenticatedContent out;
  out.wire_format = WireFormat::private_message;
  out.content.group_id = message.group_id;
  out.content.epoch = message.epoch;
  out.content.sender = {SenderType::member, sender.leaf_index.value};
  out.content.authenticated_data = message.authenticated_data;
  Reader reader(plaintext);
  switch (message.content_type) {
    case ContentType::application:
      reader >> out.content.content.emplace<ApplicationData>();
      break;
    case ContentType::proposal:
      reader >> out.content.content.emplace<Proposal>();
      break;
    case ContentType::commit:
      reader >> out.content.content.emplace<Commit>();
      break;
    default:
      return ErrorCode::MALFORMED;
  }
  out.auth.read_for(reader, message.content_type);
  const auto padding = reader.rest();
  if (!reader.ok() || std::any_of(padding.begin(), padding.end(), [](auto byte) { return byte != 0; })) {
    return ErrorCode::MALFORMED;
  }
  return out;
}

Result<PublicMessage> seal_public(const AuthenticatedContent& content, ByteView membership_key,
                                  const GroupContext& context) {
  if (content.content.content_type() == ContentType::application) return ErrorCode::INVALID_ARGUMENT;
  PublicMessage out{content.content, content.auth, {}};
  if (content.content.sender.type == SenderType::member) {
    out.membership_tag = membership_tag(content, membership_key, context);
  }
  return out;
}

Result<AuthenticatedContent> open_public(const PublicMessage& message, ByteView membership_key,
                                         const GroupContext& context) {
  if (message.content.content_type() == ContentType::application) return ErrorCode::MALFORMED;
  if (message.content.sender.type != SenderType::member) return ErrorCode::UNSUPPORTED;
  AuthenticatedContent out{WireFormat::public_message, message.content, message.auth};
  if (!mac_equal(membership_tag(out, membership_key, context), message.membership_tag)) {
    return ErrorCode::DECRYPTION_FAILED;
  }
  return out;
}

}  // namespace sotto::mls
