#include "client/receipts.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/failures.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {
constexpr std::chrono::milliseconds between_marks{1000};
/// Marks that wait for commits; what does not fit is not shown as read until more is.
constexpr std::size_t most_early = 10'000;
/// With the ids of its chat and its reader. Else those that wait could take a frame each.
constexpr std::size_t read_mark_bytes = wire::limits::signal_bytes + 128;
constexpr std::chrono::milliseconds mark_retry_first{1000};
constexpr std::chrono::milliseconds mark_retry_most{60'000};
}  // namespace

Status Receipts::on_command(const MarkReadCommand& command) {
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(command.chat));
  if (!chat) {
    c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "no such chat"));
    return {};
  }
  SOTTO_TRY_ASSIGN(auto to, c_.messages.newest_position(chat->id));
  if (command.up_to) {
    SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(chat->id, *command.up_to));
    if (!message) {
      c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "no such message"));
      return {};
    }
    to = std::min(to, message->position);
  }
  c_.complete<void>(command.done, Result<void>{});
  if (to <= chat->read_position) return {};
  chat->read_position = to;
  chat->read_seq = static_cast<std::uint64_t>(to / position::per_seq);
  SOTTO_TRY_ASSIGN(const auto unread, c_.messages.count_unread(chat->id, to));
  const bool fell = unread != chat->unread;
  chat->unread = unread;
  SOTTO_TRY(c_.chats.update(*chat));
  if (fell) c_.emit_chat(*chat);
  look_at(chat->id);
  return {};
}

Status Receipts::on_ready() {
  SOTTO_TRY_ASSIGN(const auto untold, c_.chats.with_untold_mark());
  for (const auto& id : untold) look_at(id);
  return {};
}

Status Receipts::pump() {
  for (const auto& chat : std::exchange(c_.accepted, {})) look_at(chat);
  if (!session_.ready()) return {};
  for (auto it = marks_.begin(); it != marks_.end();) {
    auto& [id, mark] = *it;
    if (mark.busy || mark.not_before > c_.now) {
      ++it;
      continue;
    }
    SOTTO_TRY(tell(id, mark));
    // What was told is remembered for its pause.
    it = mark.busy || mark.not_before > c_.now ? std::next(it) : marks_.erase(it);
  }
  return {};
}

Status Receipts::tell(const ChatId& id, Mark& mark) {
  SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(id));
  if (!chat || chat->status != ChatStatus::active || chat->request != ChatRequest::none) return {};
  SOTTO_TRY_ASSIGN(const auto told, c_.chats.told_mark(id));
  if (chat->read_seq <= told) return {};
  if (!c_.self.privacy.read_receipts || c_.blocked.contains(chat->peer)) {
    // Not told now, and not when the setting changes: it was read under this one.
    return c_.chats.set_told_mark(id, chat->read_seq);
  }
  wire::Signal signal;
  signal.set_sent_at(static_cast<std::uint64_t>(c_.now_ms()));
  signal.mutable_read()->set_seq(chat->read_seq);
  auto sealed = seal_.seal(*chat, signal);
  if (!sealed.ok()) {
    if (is_storage_failure(sealed.error())) return sealed.error();
    return {};  // The chat's own trouble, which shows where it is used.
  }
  wire::Request request;
  auto& command = *request.mutable_set_read_mark();
  command.set_chat_id(to_string_bytes(id));
  command.set_generation(chat->generation);
  command.set_payload(wire::field(*sealed));
  mark.busy = true;
  session_.request(
      request, [this, id, seq = chat->read_seq](const wire::Response& response) { return on_told(id, seq, response); });
  return {};
}

Status Receipts::on_told(const ChatId& id, std::uint64_t seq, const wire::Response& response) {
  const auto status = wire::status_of(response);
  auto& mark = marks_[id];
  mark.busy = false;
  mark.not_before = c_.now + between_marks;
  if (status.ok()) {
    mark.failures = 0;
    return c_.chats.set_told_mark(id, seq);
  }
  if (status.error().retryable && status.error().code != ErrorCode::STALE_GENERATION) {
    mark.not_before += wait_after(status.error(), mark.failures++, mark_retry_first, mark_retry_most, c_.random);
    return {};
  }
  // It cannot be told here: not a participant any more, another generation. The log will tell.
  return c_.chats.set_told_mark(id, seq);
}

Status Receipts::show(const ChatId& chat, const UserId& user) {
  SOTTO_TRY_ASSIGN(const auto reached, c_.chats.reached_by_all_but(chat, c_.account->user));
  SOTTO_TRY_ASSIGN(const auto changed, c_.messages.mark_reached(chat, reached.delivered, reached.read));
  for (const auto& message : changed) c_.emit(MessageChanged{message});
  c_.emit(ReceiptsChanged{chat, user});
  return {};
}

Status Receipts::on_delivered(const wire::DeliveryReceipt& receipt) {
  const auto id = id_from<ChatId>(wire::view(receipt.chat_id()));
  const auto user = id_from<UserId>(wire::view(receipt.user_id()));
  if (!id || !user || receipt.seq() > position::highest_seq) {
    return Error(ErrorCode::PROTOCOL_ERROR, "a receipt with parts of the wrong size");
  }
  SOTTO_TRY_ASSIGN(const bool raised, c_.chats.raise_delivered(*id, *user, receipt.seq()));
  return raised ? show(*id, *user) : Status{};
}

Status Receipts::on_read_mark(const wire::ReadMark& push) {
  const auto id = id_from<ChatId>(wire::view(push.chat_id()));
  const auto user = id_from<UserId>(wire::view(push.sender_user()));
  if (!id || !user) return Error(ErrorCode::PROTOCOL_ERROR, "a read mark with parts of the wrong size");
  if (!c_.self.privacy.read_receipts || push.ByteSizeLong() > read_mark_bytes) return {};
  SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(*id));
  if (chat) {
    SOTTO_TRY_ASSIGN(const bool understood, understand(*chat, push));
    if (understood) return {};
  }
  SOTTO_RARE(read_mark_before_its_epoch);
  if (early_.size() < most_early) early_[{*id, *user}] = push;
  return {};
}

/// False if it may say something once the chat is further on.
Result<bool> Receipts::understand(const ChatRow& chat, const wire::ReadMark& push) {
  SOTTO_TRY_ASSIGN(const auto opened, seal_.open(chat, push));
  if (!opened) {
    SOTTO_TRY_ASSIGN(const bool early, seal_.is_early(chat, wire::view(push.payload())));
    return !early;
  }
  if (!opened->signal.has_read() || opened->user == c_.account->user) return true;
  const auto seq = std::min(opened->signal.read().seq(), position::highest_seq);
  SOTTO_TRY_ASSIGN(const bool raised, c_.chats.raise_read(chat.id, opened->user, seq));
  if (raised) SOTTO_TRY(show(chat.id, opened->user));
  return true;
}

Status Receipts::on_epoch(const ChatRow& chat) {
  SOTTO_TRY(seal_.on_epoch(chat));
  look_at(chat.id);
  for (auto it = early_.lower_bound({chat.id, UserId{}}); it != early_.end() && it->first.first == chat.id;) {
    SOTTO_TRY_ASSIGN(const bool understood, understand(chat, it->second));
    it = understood ? early_.erase(it) : std::next(it);
  }
  return {};
}

Status Receipts::note_caught_up() {
  const auto begun = session_.relay_time_at_begin();
  if (!c_.account || c_.account->receipts_since == begun) return {};
  c_.account->receipts_since = begun;
  return c_.accounts.set_receipts_since(begun);
}

void Receipts::on_erased() {
  marks_.clear();
  early_.clear();
}

std::optional<Timestamp> Receipts::next_timer() const {
  std::optional<Timestamp> out;
  if (!session_.ready()) return out;
  for (const auto& [id, mark] : marks_) {
    if (!mark.busy && (!out || mark.not_before < *out)) out = mark.not_before;
  }
  return out;
}

void Receipts::set_clock_back(std::chrono::milliseconds by) {
  for (auto& [id, mark] : marks_) mark.not_before -= by;
}

}  // namespace sotto::client
