// From signed content to PublicMessage and PrivateMessage and back (RFC 9420 sections 6.2 and 6.3). Signatures are the
// business of AuthenticatedContent and of the caller.
#pragma once

#include "mls/framing.h"
#include "mls/labels.h"
#include "mls/secret_tree.h"

namespace sotto::mls {

// struct {
//     uint32 leaf_index;
//     uint32 generation;
//     opaque reuse_guard[4];
// } SenderData;
struct SenderData {
  LeafIndex leaf_index;
  std::uint32_t generation = 0;
  std::uint32_t reuse_guard = 0;
  SOTTO_MLS_FIELDS(leaf_index, generation, reuse_guard)
};

/// The key of the sender data of a message with this ciphertext (section 6.3.2).
KeyAndNonce sender_data_key(ByteView sender_data_secret, ByteView ciphertext);

/// Encrypts content that is signed for private_message. `padding` zero bytes are added.
PrivateMessage seal_private(const AuthenticatedContent& content, const MessageKey& key, ByteView sender_data_secret,
                            std::size_t padding, Random& random);
/// Errors: DECRYPTION_FAILED, MALFORMED.
Result<SenderData> open_sender_data(const PrivateMessage& message, ByteView sender_data_secret);
/// The content; its signature is not verified. Errors: DECRYPTION_FAILED, MALFORMED (also padding that is not zero).
Result<AuthenticatedContent> open_private(const PrivateMessage& message, const SenderData& sender,
                                          const MessageKey& key);

/// Errors: INVALID_ARGUMENT (application data, which must not be sent in the clear).
Result<PublicMessage> seal_public(const AuthenticatedContent& content, ByteView membership_key,
                                  const GroupContext& context);
/// The content of a member's message; its signature is not verified. Errors: MALFORMED (application data),
/// DECRYPTION_FAILED (membership tag), UNSUPPORTED (other senders).
Result<AuthenticatedContent> open_public(const PublicMessage& message, ByteView membership_key,
                                         const GroupContext& context);

}  // namespace sotto::mls
