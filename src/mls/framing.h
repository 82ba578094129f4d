// Messages and what is signed of them (RFC 9420 section 6).
#pragma once

#include "mls/proposal.h"
#include "mls/welcome.h"

namespace sotto::mls {

enum class ContentType : std::uint8_t { reserved = 0, application = 1, proposal = 2, commit = 3 };
enum class SenderType : std::uint8_t {
  reserved = 0,
  member = 1,
  external = 2,
  new_member_proposal = 3,
  new_member_commit = 4,
};
enum class WireFormat : std::uint16_t {
  reserved = 0,
  public_message = 1,
  private_message = 2,
  welcome = 3,
  group_info = 4,
  key_package = 5,
};

// struct {
//     SenderType sender_type;
//     select (Sender.sender_type) {
//         case member:              uint32 leaf_index;
//         case external:            uint32 sender_index;
//         case new_member_commit:
//         case new_member_proposal: struct{};
//     };
// } Sender;
struct Sender {
  SenderType type = SenderType::member;
  std::uint32_t index = 0;  // member, external
  void write(Writer& writer) const;
  void read(Reader& reader);
};

struct ApplicationData {
  Bytes data;
  SOTTO_MLS_FIELDS(data)
};

// struct {
//     opaque group_id<V>;
//     uint64 epoch;
//     Sender sender;
//     opaque authenticated_data<V>;
//     ContentType content_type;
//     select (FramedContent.content_type) {
//         case application: opaque application_data<V>;
//         case proposal:    Proposal proposal;
//         case commit:      Commit commit;
//     };
// } FramedContent;
struct FramedContent {
  Bytes group_id;
  std::uint64_t epoch = 0;
  Sender sender;
  Bytes authenticated_data;
  std::variant<ApplicationData, Proposal, Commit> content;
  [[nodiscard]] ContentType content_type() const { return static_cast<ContentType>(content.index() + 1); }
  void write(Writer& writer) const;
  void read(Reader& reader);
};

// struct {
//     /* SignWithLabel(., "FramedContentTBS", FramedContentTBS) */
//     opaque signature<V>;
//     select (FramedContent.content_type) {
//         case commit: MAC confirmation_tag;
//         case application:
//         case proposal: struct{};
//     };
// } FramedContentAuthData;
struct FramedContentAuthData {
  Bytes signature;
  Bytes confirmation_tag;  // commit
  void write_for(Writer& writer, ContentType type) const;
  void read_for(Reader& reader, ContentType type);
};

// struct {
//     WireFormat wire_format;
//     FramedContent content;
//     FramedContentAuthData auth;
// } AuthenticatedContent;
struct AuthenticatedContent {
  WireFormat wire_format = WireFormat::private_message;
  FramedContent content;
  FramedContentAuthData auth;
  void write(Writer& writer) const;
  void read(Reader& reader);

  /// Signs with the context that the sender's type asks for (section 6.1).
  void sign(const crypto::SignaturePrivateKey& key, const GroupContext& context);
  [[nodiscard]] bool verify(ByteView signature_key, const GroupContext& context) const;
  /// FramedContentTBS.
  [[nodiscard]] Bytes to_be_signed(const GroupContext& context) const;
  /// ProposalRef (section 5.2): the hash of this whole struct.
  [[nodiscard]] Bytes proposal_ref() const;
};

// struct {
//     FramedContent content;
//     FramedContentAuthData auth;
//     select (PublicMessage.content.sender.sender_type) {
//         case member: MAC membership_tag;
//         case external:
//         case new_member_commit:
//         case new_member_proposal: struct{};
//     };
// } PublicMessage;
struct PublicMessage {
  FramedContent content;
  FramedContentAuthData auth;
  Bytes membership_tag;  // member
  void write(Writer& writer) const;
  void read(Reader& reader);
};

// struct {
//     opaque group_id<V>;
//     uint64 epoch;
//     ContentType content_type;
//     opaque authenticated_data<V>;
//     opaque encrypted_sender_data<V>;
//     opaque ciphertext<V>;
// } PrivateMessage;
struct PrivateMessage {
  Bytes group_id;
  std::uint64_t epoch = 0;
  ContentType content_type = ContentType::application;
  Bytes authenticated_data;
  Bytes encrypted_sender_data;
  Bytes ciphertext;
  SOTTO_MLS_FIELDS(group_id, epoch, content_type, authenticated_data, encrypted_sender_data, ciphertext)
};

// struct {
//     ProtocolVersion version = mls10;
//     WireFormat wire_format;
//     select (MLSMessage.wire_format) {
//         case mls_public_message:  PublicMessage public_message;
//         case mls_private_message: PrivateMessage private_message;
//         case mls_welcome:         Welcome welcome;
//         case mls_group_info:      GroupInfo group_info;
//         case mls_key_package:     KeyPackage key_package;
//     };
// } MLSMessage;
struct MlsMessage {
  std::variant<PublicMessage, PrivateMessage, Welcome, GroupInfo, KeyPackage> content;
  [[nodiscard]] WireFormat wire_format() const { return static_cast<WireFormat>(content.index() + 1); }
  void write(Writer& writer) const;
  void read(Reader& reader);
};

/// What can be read of a PublicMessage or PrivateMessage without any key; nothing of it is verified.
struct MessageHeader {
  WireFormat wire_format = WireFormat::reserved;
  Bytes group_id;
  std::uint64_t epoch = 0;
  ContentType content_type = ContentType::reserved;
  Bytes authenticated_data;
};

/// Errors: MALFORMED, UNSUPPORTED (another version or wire format).
Result<MessageHeader> peek(ByteView message);

}  // namespace sotto::mls
