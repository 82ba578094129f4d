// Attachments and the messages that show them: when a message leaves, when it fails, and what the app is told.
#include <algorithm>

#include "base/try.h"
#include "client/content.h"
#include "client/media/media.h"
#include "wire/frame.h"

namespace sotto::client {

Result<std::uint32_t> Media::readers_of(const std::vector<AttachmentRef>& refs) {
  std::optional<ChatId> chat;
  for (const auto& ref : refs) {
    if (ref.ready) continue;
    if (chat) return 0U;
    chat = ref.chat;
  }
  if (!chat) return 0U;
  SOTTO_TRY_ASSIGN(const auto users, c_.chats.participants(*chat));
  return static_cast<std::uint32_t>(users.empty() ? 0 : users.size() - 1);
}

Status Media::ready(const AttachmentRef& ref) {
  SOTTO_TRY(c_.media_rows.set_ready(ref));
  SOTTO_TRY_ASSIGN(const auto all, c_.media_rows.of_message(ref.chat, ref.sender, ref.message));
  const bool waiting = std::ranges::any_of(all, [](const AttachmentRef& one) { return !one.ready; });
  return waiting ? Status() : leave(ref);
}

/// All attachments of the message are at the relay: it can be sent.
Status Media::leave(const AttachmentRef& ref) {
  SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(ref.chat, ref.sender, ref.message));
  if (!message || message->state != MessageState::queued) return {};
  if (message->kind == hidden_kind) {
    SOTTO_TRY_ASSIGN(const auto row, c_.media_rows.find(ref.media));
    return answer(ref, row ? row->attachment : std::nullopt);
  }
  SOTTO_TRY_ASSIGN(const auto bytes, c_.messages.content(ref.chat, ref.sender, ref.message));
  SOTTO_TRY_ASSIGN(auto content, wire::decode_own<wire::Content>(bytes));
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_message(ref.chat, ref.sender, ref.message));
  for (const auto& one : refs) {
    SOTTO_TRY_ASSIGN(const auto row, c_.media_rows.find(one.media));
    if (!row || !row->attachment || !row->key || !row->hash ||
        one.index >= static_cast<std::uint32_t>(content.attachments_size())) {
      return Error(ErrorCode::CORRUPT, "an attachment without its file");
    }
    write_location(*content.mutable_attachments(static_cast<int>(one.index)), *row);
  }
  SOTTO_TRY(c_.messages.set_content(ref.chat, ref.sender, ref.message, wire::serialize(content)));
  return outbox_.queue(ref.chat, ref.message, ref.urgency);
}

Status Media::fail_messages(std::int64_t media, const Error& why) {
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_media(media));
  for (const auto& ref : refs) {
    if (ref.ready) continue;
    // A message that has failed waits for nothing.
    SOTTO_TRY_ASSIGN(const auto all, c_.media_rows.of_message(ref.chat, ref.sender, ref.message));
    for (const auto& one : all) SOTTO_TRY(c_.media_rows.set_ready(one));
    SOTTO_TRY_ASSIGN(const auto waiting, c_.messages.find(ref.chat, ref.sender, ref.message));
    if (waiting && waiting->kind == hidden_kind) {
      SOTTO_TRY(answer(ref, std::nullopt));
      continue;
    }
    SOTTO_TRY(c_.messages.set_failed(ref.chat, ref.sender, ref.message, why));
    SOTTO_TRY_ASSIGN(auto message, c_.messages.find(ref.chat, ref.sender, ref.message));
    if (message) c_.emit(MessageChanged{std::move(*message)});
  }
  return {};
}

/// It was at the relay before, so its file is not only there for an upload that fails.
Result<bool> Media::was_sent(std::int64_t media) {
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_media(media));
  for (const auto& ref : refs) {
    if (!ref.ready) continue;
    SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(ref.chat, ref.sender, ref.message));
    if (message && message->state != MessageState::failed) return true;
  }
  return false;
}

Status Media::show(std::int64_t media) {
  told_.erase(media);
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_media(media));
  for (const auto& ref : refs) {
    SOTTO_TRY_ASSIGN(auto message, c_.messages.find(ref.chat, ref.sender, ref.message));
    if (message) c_.emit(MessageChanged{std::move(*message)});
  }
  return {};
}

Status Media::progress(std::int64_t media, std::uint64_t transferred, std::uint64_t total) {
  constexpr std::uint64_t least = 256 * 1024;
  auto& told = told_[media];
  if (transferred < told + std::max(least, total / 100)) return {};
  told = transferred;
  SOTTO_TRY_ASSIGN(const auto refs, c_.media_rows.of_media(media));
  for (const auto& ref : refs) c_.emit(AttachmentProgress{ref.chat, ref.message, ref.index, transferred, total});
  return {};
}

void Media::complete(std::int64_t id, const Result<void>& result) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  c_.keep(waiting_, id);
  for (const auto& done : found->second) c_.complete<void>(done, result);
  waiting_.erase(found);
}

}  // namespace sotto::client
