#include "client/media/attachment_content.h"

#include <algorithm>

#include "base/try.h"
#include "base/utf8.h"
#include "client/media/cipher_file.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace limits = wire::limits;

namespace {

constexpr auto last_kind = AttachmentKind::voice;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_file_name(std::string_view name) {
  return name.size() <= limits::file_name_bytes && is_valid_utf8(name) && name != "." && name != ".." &&
         std::ranges::none_of(name, [](char c) { return is_control(c) || c == '/' || c == '\\'; });
}

bool is_mime_type(std::string_view type) {
  return type.size() <= limits::mime_type_bytes &&
         std::ranges::all_of(type, [](char c) { return c > 0x20 && c < 0x7F; });
}

Error invalid(const char* what) { return {ErrorCode::INVALID_ARGUMENT, what}; }

AttachmentState state_of(const MediaRow& media) {
  switch (media.state) {
    case MediaState::preparing:
      return AttachmentState::preparing;
    case MediaState::uploading:
      return AttachmentState::uploading;
    case MediaState::present:
      return AttachmentState::present;
    case MediaState::remote:
      return AttachmentState::remote;
    case MediaState::downloading:
      return AttachmentState::downloading;
    case MediaState::expired:
      return AttachmentState::expired;
    case MediaState::failed:
      break;
  }
  return AttachmentState::failed;
}

}  // namespace

Status check_info(const AttachmentInfo& info) {
  if (info.kind > last_kind) return invalid("an attachment's kind");
  if (!is_file_name(info.name)) return invalid("an attachment's name is UTF-8 of at most 255 bytes without a path");
  if (!is_mime_type(info.mime_type)) return invalid("a MIME type is printable ASCII of at most 127 bytes");
  if (info.duration.count() < 0) return invalid("an attachment's duration");
  if (info.thumbnail.size() > limits::thumbnail_bytes) return invalid("a thumbnail has at most 8 KiB");
  if (info.preview.size() > limits::preview_bytes) return invalid("a preview has at most 32 KiB");
  if (info.waveform.size() > limits::waveform_bytes) return invalid("a waveform has at most 256 values");
  return {};
}

Status check_infos(const std::vector<OutgoingAttachment>& attachments) {
  if (attachments.size() > limits::attachments_per_message) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "a message has at most 10 attachments");
  }
  std::size_t shown = 0;
  for (const auto& attachment : attachments) {
    SOTTO_TRY(check_info(attachment.info));
    if (attachment.path.empty() == attachment.bytes.empty()) {
      return invalid("an attachment is a file or bytes");
    }
    if (attachment.bytes.size() > limits::attachment_in_memory_bytes) {
      return Error(ErrorCode::TOO_LARGE, "an attachment in memory has at most 16 MiB");
    }
    shown += attachment.info.thumbnail.size() + attachment.info.preview.size();
  }
  if (shown > limits::previews_per_message_bytes) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "all previews of a message take at most 48 KiB");
  }
  return {};
}

void write_info(wire::Attachment& to, const AttachmentInfo& info, std::uint64_t size) {
  to.set_size(size);
  to.set_kind(static_cast<std::uint32_t>(info.kind));
  to.set_name(info.name);
  to.set_mime_type(info.mime_type);
  to.set_width(info.width);
  to.set_height(info.height);
  to.set_duration_ms(static_cast<std::uint64_t>(info.duration.count()));
  to.set_thumbnail(wire::field(info.thumbnail));
  to.set_preview(wire::field(info.preview));
  to.set_waveform(wire::field(info.waveform));
}

void write_location(wire::Attachment& to, const MediaRow& media) {
  to.set_attachment_id(to_string_bytes(*media.attachment));
  to.set_key(wire::field(media.key->view()));
  to.set_hash(wire::field(media.hash->view()));
}

Result<MediaRow> read_location(const wire::Attachment& from) {
  MediaRow out;
  if (!assign_exact(out.attachment.emplace(), wire::view(from.attachment_id())) ||
      !assign_exact(out.key.emplace(), wire::view(from.key())) ||
      !assign_exact(out.hash.emplace(), wire::view(from.hash()))) {
    return Error(ErrorCode::MALFORMED, "an attachment with parts of the wrong size");
  }
  if (from.size() > limits::attachment_plain_bytes || from.kind() > static_cast<std::uint32_t>(last_kind) ||
      from.duration_ms() > INT64_MAX || !check_info(read_info(from)).ok()) {
    return Error(ErrorCode::MALFORMED, "an attachment beyond the limits");
  }
  out.size = from.size();
  out.state = MediaState::remote;
  return out;
}

AttachmentInfo read_info(const wire::Attachment& from) {
  AttachmentInfo out;
  out.kind = static_cast<AttachmentKind>(from.kind());
  out.name = from.name();
  out.mime_type = from.mime_type();
  out.width = from.width();
  out.height = from.height();
  out.duration = std::chrono::milliseconds(static_cast<std::int64_t>(from.duration_ms()));
  out.thumbnail = to_bytes(wire::view(from.thumbnail()));
  out.preview = to_bytes(wire::view(from.preview()));
  out.waveform = to_bytes(wire::view(from.waveform()));
  return out;
}

Attachment view(const wire::Attachment& content, const MediaRow& media) {
  Attachment out;
  out.info = read_info(content);
  out.size = std::min(content.size(), limits::attachment_plain_bytes);
  set_state(out, media);
  return out;
}

void set_state(Attachment& attachment, const MediaRow& media) {
  attachment.state = state_of(media);
  attachment.paused = media.paused;
  attachment.total = cipher_size(attachment.size);
  attachment.transferred = media.state == MediaState::present ? attachment.total : media.fetched;
  attachment.problem = media.problem;
}

}  // namespace sotto::client
