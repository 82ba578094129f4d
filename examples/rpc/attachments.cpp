#include "rpc/attachments.h"

#include <algorithm>
#include <array>

#include "chat/files.h"
#include "rpc/base64.h"

namespace rpc {

using sotto::AttachmentKind;
using sotto::ChatId;
using sotto::ClientMessageId;
using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;
using sotto::Status;

namespace {

/// So that its base64 fits a line of the size that is taken, too.
constexpr std::uint64_t most_body_bytes = 700 * 1024;
constexpr std::int64_t most_index = 9;
constexpr std::int64_t most_pixels = UINT32_MAX;
/// Of a duration, in milliseconds: a year.
constexpr std::int64_t most_duration = std::int64_t{366} * 86'400'000;

std::string read_hash(Fields& fields) {
  auto hash = fields.text("hash");
  std::ranges::transform(hash, hash.begin(), [](char c) { return c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c; });
  const bool fits = hash.size() == 64 && hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!fits) fields.refuse("hash", "must be a SHA-256 in 64 hexadecimal digits");
  return hash;
}

sotto::AttachmentInfo read_info(Fields& fields) {
  sotto::AttachmentInfo out;
  out.kind = fields
                 .choice_if<AttachmentKind>("kind", {{"document", AttachmentKind::document},
                                                     {"image", AttachmentKind::image},
                                                     {"video", AttachmentKind::video},
                                                     {"voice", AttachmentKind::voice}})
                 .value_or(AttachmentKind::document);
  out.name = fields.text_if("name").value_or("");
  out.mime_type = fields.text_if("mimeType").value_or("");
  out.width = static_cast<std::uint32_t>(fields.number_if("width", 0, most_pixels).value_or(0));
  out.height = static_cast<std::uint32_t>(fields.number_if("height", 0, most_pixels).value_or(0));
  out.duration = std::chrono::milliseconds(fields.number_if("durationMs", 0, most_duration).value_or(0));
  out.thumbnail = fields.bytes_if("thumbnail").value_or(std::vector<std::uint8_t>());
  out.preview = fields.bytes_if("preview").value_or(std::vector<std::uint8_t>());
  out.waveform = fields.bytes_if("waveform").value_or(std::vector<std::uint8_t>());
  return out;
}

void created(Service& service, const Reply& reply, sotto::OutgoingAttachment attachment, const std::string& expected,
             const chat::HashedFile& found) {
  if (found.sha256 != expected) return reply.error({ErrorCode::INVALID_ARGUMENT, "hash is that of other bytes"});
  const auto id = service.created().add(std::move(attachment), found.stamp);
  if (!id.ok()) return reply.error(id.error());
  reply.result({{"attachmentId", *id}});
}

/// Which attachment of which message a command is about.
struct Place {
  ChatId chat;
  ClientMessageId message;
  std::uint32_t index = 0;
};

Place read_place(Fields& fields) {
  Place out;
  out.chat = fields.id<ChatId>("chatId");
  out.message = fields.id<ClientMessageId>("messageId");
  out.index = static_cast<std::uint32_t>(fields.number_if("index", 0, most_index).value_or(0));
  return out;
}

struct Download {
  Service& service;
  Reply reply;
  Place place;
  std::optional<std::string> path;
  /// Bounds how many bodies are on their way.
  std::shared_ptr<const void> slot;
  bool fetched = false;
};

void fetch(Download download);

/// Gives a present attachment to the program that asked, on the background thread.
void deliver(const Download& download, sotto::AttachmentReader reader) {
  // A job is copied, a reader is not.
  auto shared = std::make_shared<sotto::AttachmentReader>(std::move(reader));
  download.service.background().post([download, shared](const std::atomic<bool>& stop) -> chat::Background::Then {
    const auto failed = [download](const sotto::Error& why) {
      // Somebody changed its file.
      if (why.code == ErrorCode::CORRUPT && !download.fetched) return fetch(download);
      download.reply.error(why);
    };
    if (download.path) {
      const auto saved = chat::save_attachment(std::move(*shared), *download.path, stop);
      return [download, failed, saved] {
        if (!saved.ok()) return failed(saved.error());
        download.reply.result({{"path", *download.path}, {"size", saved->size}, {"hash", saved->sha256}});
      };
    }
    const auto read = chat::read_attachment(std::move(*shared), most_body_bytes);
    return [download, failed, read] {
      if (!read.ok()) return failed(read.error());
      download.reply.result({{"body", to_base64(read->bytes)}, {"size", read->bytes.size()}, {"hash", read->sha256}});
    };
  });
}

/// Delivers it once it is here.
void fetch(Download download) {
  download.fetched = true;
  const auto& place = download.place;
  download.service.client().transfer(
      place.chat, place.message, place.index, sotto::TransferAction::start, [download](const Status& status) {
        if (!status.ok()) return download.reply.error(status.error());
        const auto& at = download.place;
        auto reader = download.service.client().open_attachment(at.chat, at.message, at.index);
        if (!reader.ok()) return download.reply.error(reader.error());
        deliver(download, std::move(*reader));
      });
}

}  // namespace

void create_attachment(Call& call) {
  auto& fields = call.fields;
  sotto::OutgoingAttachment attachment;
  const auto hash = read_hash(fields);
  attachment.info = read_info(fields);
  auto body = fields.bytes_if("body");
  const auto path = fields.path_if("path");
  if (body.has_value() == path.has_value()) fields.refuse("body", "or path, one of them, must be there");
  if (body && body->empty()) fields.refuse("body", "must not be empty");
  if (path) attachment.path = *path;
  if (call.refused()) return;
  if (const auto fits = sotto::Client::check_attachment(attachment.info); !fits.ok()) {
    return call.reply.error(fits.error());
  }
  if (body) {
    attachment.bytes = std::move(*body);
    const auto found = chat::sha256_hex(attachment.bytes);
    return created(call.service, call.reply, std::move(attachment), hash, {{}, found});
  }
  call.service.background().post([&service = call.service, reply = call.reply, attachment,
                                  hash](const std::atomic<bool>& stop) -> chat::Background::Then {
    const auto found = chat::hash_file(attachment.path, stop);
    return [&service, reply, attachment, hash, found] {
      if (!found.ok()) return reply.error(found.error());
      created(service, reply, attachment, hash, *found);
    };
  });
}

Settled answer_sent(const Reply& reply) {
  return [reply](const Result<sotto::Message>& message) {
    if (!message.ok()) return reply.error(message.error());
    const auto id = message->id.to_string();
    if (message->state != sotto::MessageState::failed) return reply.result({{"status", "SUCCESS"}, {"messageId", id}});
    reply.failed({{"status", "FAIL"}, {"messageId", id}}, message->problem.value_or(Error()));
  };
}

void send_with_attachments(Call& call, const ChatId& chat, std::string text, const sotto::SendOptions& options,
                           const std::vector<std::string>& ids) {
  auto taken = call.service.created().take(ids);
  if (!taken.ok()) {
    // Asked again for what was written before: its attachments went with it.
    const auto known = options.id ? call.client().message(chat, *options.id) : Result<sotto::Message>(taken.error());
    if (!known.ok()) return call.reply.error(taken.error());
    taken = std::vector<CreatedAttachment>();
  }
  std::vector<sotto::OutgoingAttachment> attachments;
  for (const auto& one : *taken) attachments.push_back(one.attachment);
  auto held = std::make_shared<std::vector<CreatedAttachment>>(std::move(*taken));
  call.service.send(chat, std::move(text), std::move(attachments), options,
                    [&service = call.service, held, settled = answer_sent(call.reply)](const auto& message) {
                      if (!message.ok()) service.created().put_back(std::move(*held));
                      settled(message);
                    });
}

void download_attachment(Call& call) {
  const auto place = read_place(call.fields);
  const auto path = call.fields.path_if("path");
  if (call.refused()) return;
  const auto slot = path ? nullptr : call.peer.body_slot();
  if (!path && !slot) {
    return call.reply.error({ErrorCode::LIMIT_EXCEEDED, "too many downloads without a path are under way"});
  }
  auto& client = call.client();
  const auto message = client.message(place.chat, place.message);
  if (!message.ok()) return call.reply.error(message.error());
  if (place.index >= message->attachments.size()) return call.reply.error({ErrorCode::NOT_FOUND, "no such attachment"});
  if (!path && message->attachments[place.index].size > most_body_bytes) {
    return call.reply.error({ErrorCode::TOO_LARGE, "the attachment is too large for a line: give a path"});
  }
  const Download download{call.service, call.reply, place, path, slot};
  auto present = client.open_attachment(place.chat, place.message, place.index);
  if (present.ok()) return deliver(download, std::move(*present));
  fetch(download);
}

void transfer(Call& call) {
  const auto place = read_place(call.fields);
  const auto action = call.fields.choice<sotto::TransferAction>("action", {{"start", sotto::TransferAction::start},
                                                                           {"pause", sotto::TransferAction::pause},
                                                                           {"cancel", sotto::TransferAction::cancel}});
  if (!call.refused()) call.client().transfer(place.chat, place.message, place.index, action, call.done());
}

void request_attachment(Call& call) {
  const auto place = read_place(call.fields);
  if (!call.refused()) call.client().request_attachment(place.chat, place.message, place.index, call.done());
}

void forward(Call& call) {
  const auto from = call.fields.id<ChatId>("chatId");
  const auto message = call.fields.id<ClientMessageId>("messageId");
  const auto to = call.fields.id<ChatId>("toChatId");
  if (!call.refused()) call.service.forward(from, message, to, answer_sent(call.reply));
}

void set_download_policy(Call& call) {
  sotto::DownloadPolicy policy;
  const auto bytes = [&](const char* name, std::uint64_t usual) {
    const auto given = call.fields.number_if(name, 0, INT64_MAX);
    return given ? static_cast<std::uint64_t>(*given) : usual;
  };
  policy.images = bytes("images", policy.images);
  policy.videos = bytes("videos", policy.videos);
  policy.voice = bytes("voice", policy.voice);
  policy.documents = bytes("documents", policy.documents);
  policy.on_metered = call.fields.flag_if("onMetered").value_or(policy.on_metered);
  const bool metered = call.fields.flag_if("metered").value_or(false);
  if (call.refused()) return;
  call.client().set_download_policy(policy, metered);
  call.reply.done({});
}

}  // namespace rpc
