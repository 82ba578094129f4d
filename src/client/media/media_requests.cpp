// Attachments that are gone at the relay and asked for again, in hidden messages: by who lacks one, of who sent it.
#include <algorithm>

#include "base/try.h"
#include "client/content.h"
#include "client/media/media.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

constexpr std::int64_t day_ms = 24 * 3600 * 1000;
/// Requests of one device that are answered a day: each may cost an upload.
constexpr std::size_t answered_a_day = 100;

wire::Content hidden_content(std::int64_t now) {
  wire::Content out;
  out.set_version(content_version_of_hidden);
  out.set_sent_at(static_cast<std::uint64_t>(now));
  out.set_hidden(true);
  return out;
}

bool has_left(MessageState state) {
  return state == MessageState::sent || state == MessageState::delivered || state == MessageState::read;
}

}  // namespace

Result<std::optional<Media::Shown>> Media::find_shown(const ChatId& chat, const UserId& sender,
                                                      const ClientMessageId& id, std::uint32_t index) {
  SOTTO_TRY_ASSIGN(auto message, c_.messages.find(chat, sender, id));
  if (!message || message->kind != MessageKind::text) return std::optional<Shown>();
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_message(chat, sender, id));
  const auto ref = std::ranges::find(refs, index, &AttachmentRef::index);
  if (ref == refs.end()) return std::optional<Shown>();
  SOTTO_TRY_ASSIGN(auto row, c_.media_rows.find(ref->media));
  if (!row) return Error(ErrorCode::CORRUPT, "an attachment without its file");
  return std::optional(Shown{std::move(*message), *ref, std::move(*row)});
}

Status Media::request(const RequestAttachmentCommand& command) {
  const auto refuse = [&](Error why) {
    c_.complete<void>(command.done, std::move(why));
    return Status{};
  };
  SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(command.chat, command.message));
  std::optional<Shown> shown;
  if (message) {
    SOTTO_TRY_ASSIGN(shown, find_shown(command.chat, message->sender, message->id, command.index));
  }
  if (!shown) return refuse(Error(ErrorCode::NOT_FOUND, "no such attachment"));
  if (shown->message.sender_device == c_.account->device || shown->row.state != MediaState::expired) {
    return refuse(Error(ErrorCode::INVALID_ARGUMENT, "only what others sent and what has expired is asked for again"));
  }
  SOTTO_TRY_ASSIGN(const auto users, c_.chats.participants(command.chat));
  if (std::ranges::find(users, shown->message.sender, &Participant::user) == users.end()) {
    return refuse(Error(ErrorCode::NOT_FOUND, "its sender is not in the chat any more"));
  }
  SOTTO_TRY_ASSIGN(const auto before, c_.requests.find(shown->ref, c_.account->device));
  const auto now = c_.now_ms();
  if (before && before->asked_at <= now && now - before->asked_at < day_ms) {
    Error why(ErrorCode::RATE_LIMITED, "it was asked for within this day");
    why.retry_after = std::chrono::milliseconds(day_ms - (now - before->asked_at));
    return refuse(why);
  }
  auto content = hidden_content(now);
  auto& request = *content.mutable_attachment_request();
  request.set_sender_user(to_string_bytes(shown->message.sender));
  request.set_client_message_id(to_string_bytes(shown->message.id));
  request.set_index(command.index);
  SOTTO_TRY_ASSIGN(const auto id, outbox_.store_hidden(command.chat, content));
  if (!id) return refuse(Error(ErrorCode::REMOVED, "nothing can be written in this chat any more"));
  SOTTO_TRY(outbox_.queue(command.chat, *id, Urgency::none));
  SOTTO_TRY(c_.requests.put({shown->ref, c_.account->device, now, true}));
  c_.complete<void>(command.done, Result<void>{});
  return show(shown->row.id);
}

Status Media::on_hidden(const ChatId& chat, const UserId& user, const DeviceId& device, const wire::Content& content) {
  switch (content.kind_case()) {
    case wire::Content::kAttachmentRequest:
      return on_request(chat, device, content.attachment_request());
    case wire::Content::kAttachmentAnswer:
      return on_answer(chat, user, content.attachment_answer());
    default:
      return {};
  }
}

Status Media::on_request(const ChatId& chat, const DeviceId& device, const wire::AttachmentRequest& request) {
  const auto sender = id_from<UserId>(wire::view(request.sender_user()));
  const auto id = id_from<ClientMessageId>(wire::view(request.client_message_id()));
  if (!sender || !id) return Error(ErrorCode::MALFORMED, "a request with parts of the wrong size");
  if (SOTTO_PLANTED(never_asked_again)) return {};
  if (!c_.media.answers_requests || c_.media.folder.empty() || *sender != c_.account->user) return {};
  SOTTO_TRY_ASSIGN(auto shown, find_shown(chat, *sender, *id, request.index()));
  if (!shown || !has_left(shown->message.state)) return {};
  // Of the devices of its sender, the one that sent it answers in any case, another one only with the file.
  const auto& row = shown->row;
  if (shown->message.sender_device != c_.account->device && row.state != MediaState::present) return {};
  const auto now = c_.now_ms();
  SOTTO_TRY(c_.requests.forget_others(c_.account->device, now - day_ms));
  SOTTO_TRY_ASSIGN(const auto before, c_.requests.find(shown->ref, device));
  SOTTO_TRY_ASSIGN(const auto of_device, c_.requests.count(device, now - day_ms));
  if (before || of_device >= answered_a_day) return {};
  SOTTO_TRY(c_.requests.put({shown->ref, device, now, false}));

  auto content = hidden_content(now);
  auto& answer = *content.mutable_attachment_answer();
  answer.set_client_message_id(request.client_message_id());
  answer.set_index(request.index());
  SOTTO_TRY_ASSIGN(const auto answer_id, outbox_.store_hidden(chat, content));
  if (!answer_id) return {};
  if (!row.attachment || !row.key || row.state == MediaState::failed) {
    SOTTO_RARE(file_gone_that_was_asked_for);
    return outbox_.queue(chat, *answer_id, Urgency::none);
  }
  // From here on it is as with a forwarded message: told of again if the relay has it, else uploaded, then it leaves.
  look_ = true;
  return c_.media_rows.insert(AttachmentRef{chat, c_.account->user, *answer_id, 0, row.id, false});
}

/// With its place at the relay, or with none: this device cannot give it.
Status Media::answer(const AttachmentRef& ref, const std::optional<wire::AttachmentId>& place) {
  SOTTO_TRY_ASSIGN(const auto bytes, c_.messages.content(ref.chat, ref.sender, ref.message));
  SOTTO_TRY_ASSIGN(auto content, wire::decode_own<wire::Content>(bytes));
  if (place) content.mutable_attachment_answer()->set_attachment_id(to_string_bytes(*place));
  SOTTO_TRY(c_.messages.set_content(ref.chat, ref.sender, ref.message, wire::serialize(content)));
  return outbox_.queue(ref.chat, ref.message, Urgency::none);
}

Status Media::on_answer(const ChatId& chat, const UserId& user, const wire::AttachmentAnswer& answer) {
  const auto id = id_from<ClientMessageId>(wire::view(answer.client_message_id()));
  const auto place = id_from<wire::AttachmentId>(wire::view(answer.attachment_id()));
  if (!id || (!place && !answer.attachment_id().empty())) {
    return Error(ErrorCode::MALFORMED, "an answer with parts of the wrong size");
  }
  // Only who sent the message can say anything of it.
  SOTTO_TRY_ASSIGN(auto shown, find_shown(chat, user, *id, answer.index()));
  if (!shown || shown->row.state != MediaState::expired) return {};
  auto& row = shown->row;
  SOTTO_TRY_ASSIGN(auto asked, c_.requests.find(shown->ref, c_.account->device));
  const bool waiting = asked && std::exchange(asked->waiting, false);
  if (waiting) SOTTO_TRY(c_.requests.put(*asked));
  if (!place) {
    if (!waiting) return {};
    row.problem = Error(ErrorCode::NOT_FOUND, "its sender does not have it any more");
  } else {
    // Others may fetch it now, too, if they want to.
    row.attachment = *place;
    row.state = waiting && !c_.media.folder.empty() ? MediaState::downloading : MediaState::remote;
    row.problem.reset();
    look_ = true;
  }
  SOTTO_TRY(c_.media_rows.update(row));
  return show(row.id);
}

}  // namespace sotto::client
