#include "mls/framing.h"

#include "mls/labels.h"

namespace sotto::mls {

void Sender::write(Writer& writer) const {
  writer << type;
  if (type == SenderType::member || type == SenderType::external) writer << index;
}

void Sender::read(Reader& reader) {
  reader >> type;
  if (type < SenderType::member || type > SenderType::new_member_commit) reader.fail();
  if (type == SenderType::member || type == SenderType::external) reader >> index;
}

void FramedContent::write(Writer& writer) const {
  writer << group_id << epoch << sender << authenticated_data << content_type();
  std::visit([&](const auto& value) { writer << value; }, content);
}

void FramedContent::read(Reader& reader) {
  ContentType type{};
  reader >> group_id >> epoch >> sender >> authenticated_data >> type;
  switch (type) {
    case ContentType::application:
      reader >> content.emplace<ApplicationData>();
      break;
    case ContentType::proposal:
      reader >> content.emplace<Proposal>();
      break;
    case ContentType::commit:
      reader >> content.emplace<Commit>();
      break;
    default:
      reader.fail();
  }
}

void FramedContentAuthData::write_for(Writer& writer, ContentType type) const {
  writer << signature;
  if (type == ContentType::commit) writer << confirmation_tag;
}

void FramedContentAuthData::read_for(Reader& reader, ContentType type) {
  reader >> signature;
  if (type == ContentType::commit) reader >> confirmation_tag;
}

void AuthenticatedContent::write(Writer& writer) const {
  writer << wire_format << content;
  auth.write_for(writer, content.content_type());
}

void AuthenticatedContent::read(Reader& reader) {
  reader >> wire_format >> content;
  auth.read_for(reader, content.content_type());
}

Bytes AuthenticatedContent::to_be_signed(const GroupContext& context) const {
  // struct {
  //     ProtocolVersion version = mls10;
  //     WireFormat wire_format;
  //     FramedContent content;
  //     select (FramedContentTBS.content.sender.sender_type) {
  //         case member:
  //         case new_member_commit: GroupContext context;
  //         case external:
  //         case new_member_proposal: struct{};
  //     };
  // } FramedContentTBS;
  Writer writer;
  writer << ProtocolVersion::mls10 << wire_format << content;
  if (content.sender.type == SenderType::member || content.sender.type == SenderType::new_member_commit) {
    writer << context;
  }
  return std::move(writer).take();
}

void AuthenticatedContent::sign(const crypto::SignaturePrivateKey& key, const GroupContext& context) {
  auth.signature = sign_with_label(key, "FramedContentTBS", to_be_signed(context));
}

bool AuthenticatedContent::verify(ByteView signature_key, const GroupContext& context) const {
  return verify_with_label(signature_key, "FramedContentTBS", to_be_signed(context), auth.signature);
}

Bytes AuthenticatedContent::proposal_ref() const { return ref_hash("MLS 1.0 Proposal Reference", encode(*this)); }

void PublicMessage::write(Writer& writer) const {
  writer << content;
  auth.write_for(writer, content.content_type());
  if (content.sender.type == SenderType::member) writer << membership_tag;
}

void PublicMessage::read(Reader& reader) {
  reader >> content;
  auth.read_for(reader, content.content_type());
  if (content.sender.type == SenderType::member) reader >> membership_tag;
}

void MlsMessage::write(Writer& writer) const {
  writer << ProtocolVersion::mls10 << wire_format();
  std::visit([&](const auto& message) { writer << message; }, content);
}

void MlsMessage::read(Reader& reader) {
  ProtocolVersion version{};
  WireFormat format{};
  reader >> version >> format;
  if (version != ProtocolVersion::mls10) reader.fail();
  switch (format) {
    case WireFormat::public_message:
      reader >> content.emplace<PublicMessage>();
      break;
    case WireFormat::private_message:
      reader >> content.emplace<PrivateMessage>();
      break;
    case WireFormat::welcome:
      reader >> content.emplace<Welcome>();
      break;
    case WireFormat::group_info:
      reader >> content.emplace<GroupInfo>();
      break;
    case WireFormat::key_package:
      reader >> content.emplace<KeyPackage>();
      break;
    default:
      reader.fail();
  }
}

Result<MessageHeader> peek(ByteView message) {
  Reader reader(message);
  ProtocolVersion version{};
  MessageHeader out;
  reader >> version >> out.wire_format;
  if (!reader.ok()) return ErrorCode::MALFORMED;
  if (version != ProtocolVersion::mls10) return ErrorCode::UNSUPPORTED;
  if (out.wire_format == WireFormat::private_message) {
    reader >> out.group_id >> out.epoch >> out.content_type >> out.authenticated_data;
  } else if (out.wire_format == WireFormat::public_message) {
    Sender sender;
    reader >> out.group_id >> out.epoch >> sender >> out.authenticated_data >> out.content_type;
  } else {
    return ErrorCode::UNSUPPORTED;
  }
  if (out.content_type < ContentType::application || out.content_type > ContentType::commit) reader.fail();
  if (!reader.ok()) return ErrorCode::MALFORMED;
  return out;
}

}  // namespace sotto::mls
