// Attachments inside a message's content: checked on the way in and on the way out, as what an app sees.
#pragma once

#include "client/tables/media_table.h"
#include "sotto/message.h"
#include "wire/message.h"

namespace sotto::client {

/// Errors: INVALID_ARGUMENT, naming what is wrong; LIMIT_EXCEEDED.
Status check_info(const AttachmentInfo& info);
/// The sizes of all together.
Status check_infos(const std::vector<OutgoingAttachment>& attachments);

/// What is known of an attachment before it is encrypted.
void write_info(wire::Attachment& to, const AttachmentInfo& info, std::uint64_t size);
/// Where it is, and how it is opened.
void write_location(wire::Attachment& to, const MediaRow& media);

/// From a message that arrived: hostile. Errors: MALFORMED.
Result<MediaRow> read_location(const wire::Attachment& from);
AttachmentInfo read_info(const wire::Attachment& from);

/// As the app sees it.
Attachment view(const wire::Attachment& content, const MediaRow& media);
/// What of it changes.
void set_state(Attachment& attachment, const MediaRow& media);

}  // namespace sotto::client
