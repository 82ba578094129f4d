#include "client/outbox.h"

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/content.h"
#include "client/failures.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {
constexpr std::chrono::milliseconds send_retry_first{500};
constexpr std::chrono::milliseconds send_retry_most{60'000};
/// A relay that cannot store now, but answers, is soon well again: who waits should not notice.
constexpr std::chrono::milliseconds send_retry_unavailable_most{5000};

wire::Urgency urgency_of(Urgency urgency) {
  switch (urgency) {
    case Urgency::high:
      return wire::HIGH;
    case Urgency::none:
      return wire::NONE;
    case Urgency::normal:
      break;
  }
  return wire::NORMAL;
}
}  // namespace

Status Outbox::append(const SendCommand& command) {
  const auto& message = command.message;
  wire::Content content;
  content.set_version(content_version_of_text);
  content.set_sent_at(static_cast<std::uint64_t>(message.sent_at.time_since_epoch().count()));
  content.mutable_text()->set_body(message.text);
  SOTTO_TRY_ASSIGN(auto stored, store(command, content));
  if (!stored) return {};
  SOTTO_TRY(c_.outbox.insert(message.chat, position::place_of(stored->position), message.id, command.urgency));
  c_.emit(MessageAdded{std::move(*stored)});
  c_.dirty.insert(message.chat);
  return {};
}

Result<std::optional<Message>> Outbox::store(const SendCommand& command, const wire::Content& content) {
  const auto& message = command.message;
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(message.chat));
  if (!chat) {
    c_.complete<void>(command.done, Error(ErrorCode::NOT_FOUND, "no such chat"));
    return std::optional<Message>();
  }
  if (chat->status == ChatStatus::removed || chat->status == ChatStatus::failed) {
    c_.complete<void>(command.done, Error(ErrorCode::REMOVED, "nothing can be written in this chat any more"));
    return std::optional<Message>();
  }
  if (chat->type == ChatType::direct && c_.blocked.contains(chat->peer)) {
    c_.complete<void>(command.done, Error(ErrorCode::BLOCKED, "this user has blocked the other"));
    return std::optional<Message>();
  }
  if (command.releases) {
    const auto released = c_.events.release(*command.releases);
    if (!released.ok() && must_undo(released.error())) return released.error();
    if (!released.ok()) {
      c_.complete<void>(command.done, released);
      return std::optional<Message>();
    }
  }
  SOTTO_TRY_ASSIGN(const auto known, c_.messages.find(message.chat, c_.account->user, message.id));
  if (known) {  // Asked for again under the same id.
    c_.complete<void>(command.done, Result<void>{});
    return std::optional<Message>();
  }
  SOTTO_TRY_ASSIGN(const auto place, c_.accounts.take_place());
  MessageRow row;
  row.message = message;
  row.message.sender = c_.account->user;
  row.message.sender_device = c_.account->device;
  row.message.position = position::of_waiting(place);
  row.message.state = MessageState::queued;
  row.content = wire::serialize(content);
  SOTTO_TRY(c_.messages.insert(row));
  if (chat->request != ChatRequest::none) {
    // Who writes there wants the chat.
    c_.accepted.insert(chat->id);
    chat->request = ChatRequest::none;
    SOTTO_TRY(c_.chats.update(*chat));
    if (!chat->invited_by.is_zero()) SOTTO_TRY(c_.people.set_known(chat->invited_by));
    c_.emit_chat(*chat);
  }
  SOTTO_TRY(c_.chats.set_last_activity(message.chat, c_.now_ms()));
  c_.complete<void>(command.done, Result<void>{});
  return std::optional(std::move(row.message));
}

Result<std::optional<ClientMessageId>> Outbox::store_hidden(const ChatId& chat, const wire::Content& content) {
  SOTTO_TRY_ASSIGN(const auto row, c_.chats.find(chat));
  if (!row || row->status == ChatStatus::removed || row->status == ChatStatus::failed) {
    return std::optional<ClientMessageId>();
  }
  SOTTO_TRY_ASSIGN(const auto place, c_.accounts.take_place());
  MessageRow hidden;
  auto& message = hidden.message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(c_.random);
  message.kind = hidden_kind;
  message.sender = c_.account->user;
  message.sender_device = c_.account->device;
  message.position = position::of_waiting(place);
  message.sent_at = c_.now;
  hidden.content = wire::serialize(content);
  SOTTO_TRY(c_.messages.insert(hidden));
  return std::optional(message.id);
}

Status Outbox::queue(const ChatId& chat, const ClientMessageId& id, Urgency urgency) {
  SOTTO_TRY_ASSIGN(const auto row, c_.chats.find(chat));
  if (!row || row->status == ChatStatus::removed || row->status == ChatStatus::failed) {
    // The chat ended while the message waited for its attachments.
    SOTTO_TRY(c_.messages.set_failed(chat, c_.account->user, id, Error(ErrorCode::REMOVED)));
    return emit_message(chat, id);
  }
  SOTTO_TRY_ASSIGN(const auto place, c_.accounts.take_place());
  SOTTO_TRY(c_.outbox.insert(chat, place, id, urgency));
  c_.dirty.insert(chat);
  return {};
}

Status Outbox::pump(ChatRow& chat) {
  auto& runtime = runtimes_.of(chat.id);
  if (runtime.send_retry) {
    if (c_.now < *runtime.send_retry) return {};
    runtime.send_retry.reset();
  }
  if (!session_.ready() || chat.status != ChatStatus::active || chat.cursor < runtime.drain_to ||
      chat.cursor < runtime.send_after_cursor) {
    return {};
  }
  if (runtime.refused) {
    if (!runtime.in_flight.empty()) return {};
    runtime.refused = false;
  }
  if (runtime.in_flight.size() >= wire::limits::messages_in_flight) return {};
  SOTTO_TRY_ASSIGN(auto rows, c_.outbox.head(chat.id, wire::limits::messages_in_flight));
  for (auto& row : rows) {
    if (runtime.in_flight.contains(row.place)) continue;
    if (!row.ciphertext || SOTTO_PLANTED(sealed_anew_on_retry)) SOTTO_TRY(encrypt(chat, row));
    send(chat, row);
  }
  return {};
}

/// The profile's key goes along with what is said: who hears of this user learns who it is.
Status Outbox::add_profile(const ChatId& chat, Bytes& content) {
  if (!c_.self.profile_key) return {};
  if (!c_.blocked.empty()) {
    SOTTO_TRY_ASSIGN(const bool not_for_all, c_.people.any_blocked_in(chat));
    if (not_for_all) return {};
  }
  wire::Content with;
  with.mutable_profile()->set_key(wire::field(c_.self.profile_key->view()));
  with.mutable_profile()->set_version(c_.self.profile_version);
  // Two serialised messages one after the other are one with the fields of both.
  sotto::append(content, wire::serialize(with));
  return {};
}

Status Outbox::encrypt(ChatRow& chat, OutboxRow& row) {
  SOTTO_TRY_ASSIGN(auto content, c_.messages.content(chat.id, c_.account->user, row.id));
  SOTTO_TRY(add_profile(chat.id, content));
  SOTTO_TRY_ASSIGN(auto* group, groups_.load(chat.id, chat.generation));
  if (!row.n) {
    row.n = chat.next_n++;
    SOTTO_TRY(c_.chats.update(chat));
  }
  SOTTO_TRY_ASSIGN(row.ciphertext, group->encrypt(content, wire::encode(wire::CheckedMessageAad{row.id, *row.n}),
                                                  mls::Padding::padme, c_.random));
  row.generation = chat.generation;
  row.after_handshake = chat.handshake_seq;
  SOTTO_TRY(c_.outbox.set_encrypted(row));
  SOTTO_TRY_ASSIGN(const bool moved, c_.messages.raise_state(chat.id, c_.account->user, row.id, MessageState::sending));
  if (moved) SOTTO_TRY(emit_message(chat.id, row.id));
  return {};
}

void Outbox::send(const ChatRow& chat, const OutboxRow& row) {
  wire::Request request;
  auto& command = *request.mutable_send_message();
  command.set_chat_id(to_string_bytes(chat.id));
  command.set_generation(row.generation);
  command.set_after_handshake(row.after_handshake);
  command.set_message(wire::field(*row.ciphertext));
  command.set_urgency(urgency_of(row.urgency));
  runtimes_.of(chat.id).in_flight.insert(row.place);
  session_.request(request, [this, id = chat.id, place = row.place](const wire::Response& response) {
    return on_answer(id, place, response);
  });
}

Status Outbox::on_answer(const ChatId& chat_id, std::int64_t place, const wire::Response& response) {
  auto& runtime = runtimes_.of(chat_id);
  runtime.in_flight.erase(place);
  c_.dirty.insert(chat_id);
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(chat_id));
  SOTTO_TRY_ASSIGN(auto row, c_.outbox.find(chat_id, place));
  if (!chat || !row) return {};  // Its stub was faster.
  if (const auto status = wire::status_of(response); !status.ok()) {
    return on_refusal(*chat, *row, response, status.error());
  }
  return on_success(*chat, *row, response.accepted());
}

Status Outbox::on_success(ChatRow& chat, const OutboxRow& row, const wire::Accepted& accepted) {
  const auto accepted_id = id_from<ClientMessageId>(wire::view(accepted.client_message_id()));
  auto& runtime = runtimes_.of(chat.id);
  if (accepted.seq() != 0 && accepted_id != row.id) {
    // This n belongs to another message of ours, sent before a crash: the row takes the next one.
    SOTTO_RARE(number_of_another_message);
    runtime.refused = true;
    if (runtime.send_failures++ > 0) {
      runtime.send_retry = c_.now + backoff(runtime.send_failures, send_retry_first, send_retry_most, c_.random);
    }
    SOTTO_TRY(c_.outbox.drop_numbers(chat.id, row.place));
    chat.next_n = accepted.last_n() + 1;
    return c_.chats.update(chat);
  }
  runtime.send_failures = 0;
  if (accepted.seq() == 0) {
    SOTTO_RARE(accepted_long_ago);
    // Accepted long ago; its entry has expired, so it keeps its place at the end of what was written then.
    SOTTO_TRY(c_.outbox.remove(chat.id, row.place));
    SOTTO_TRY_ASSIGN(const bool moved, c_.messages.raise_state(chat.id, c_.account->user, row.id, MessageState::sent));
    if (moved) SOTTO_TRY(emit_message(chat.id, row.id));
    return {};
  }
  if (accepted.seq() > position::highest_seq) return Error(ErrorCode::PROTOCOL_ERROR, "a seq out of range");
  const auto message_id = id_from<MessageId>(wire::view(accepted.message_id()));
  if (!message_id) return Error(ErrorCode::PROTOCOL_ERROR, "a messageId of the wrong size");
  return on_accepted(chat, row.id, accepted.seq(), *message_id, time_of(*message_id).time_since_epoch().count());
}

Status Outbox::on_accepted(ChatRow& chat, const ClientMessageId& id, std::uint64_t seq, const MessageId& message_id,
                           std::optional<std::int64_t> stored_at) {
  SOTTO_TRY_ASSIGN(const auto row, c_.outbox.find(chat.id, id));
  if (!row) {
    // Known already; but a gap may have told only that it was accepted, and this tells where.
    SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(chat.id, c_.account->user, id));
    if (!message || message->state != MessageState::sent || message->message_id) return {};
    SOTTO_RARE(placed_after_a_gap);
  }
  SOTTO_TRY(c_.messages.set_accepted(chat.id, c_.account->user, id, seq, message_id, stored_at));
  if (row) SOTTO_TRY(c_.outbox.remove(chat.id, row->place));
  c_.dirty.insert(chat.id);
  // The others may have been faster than this answer.
  SOTTO_TRY_ASSIGN(const auto reached, c_.chats.reached_by_all_but(chat.id, c_.account->user));
  if (reached.delivered >= seq) SOTTO_TRY(c_.messages.mark_reached(chat.id, reached.delivered, reached.read));
  return emit_message(chat.id, id);
}

Status Outbox::on_refusal(ChatRow& chat, const OutboxRow& row, const wire::Response& response, const Error& why) {
  auto& runtime = runtimes_.of(chat.id);
  runtime.refused = true;
  switch (why.code) {
    case ErrorCode::OUT_OF_ORDER: {
      SOTTO_TRY_ASSIGN(const auto rows, c_.outbox.head(chat.id, 1));
      if (!rows.empty() && rows.front().place != row.place) return {};  // One before it was refused; both go again.
      break;
    }
    case ErrorCode::STALE_EPOCH:
      SOTTO_RARE(stale_epoch);
      if (!SOTTO_PLANTED(stale_ciphertext_kept)) SOTTO_TRY(c_.outbox.drop_ciphertexts(chat.id, row.place));
      runtime.send_after_cursor = std::max(runtime.send_after_cursor, response.handshake_seq());
      if (chat.cursor < response.handshake_seq() || row.after_handshake < chat.handshake_seq) return {};
      // Stale, though this device saw no handshake after it: this relay would refuse the next one, too.
      SOTTO_RARE(stale_without_newer_handshake);
      break;
    case ErrorCode::UNAUTHENTICATED:
    case ErrorCode::REPLACED:
      session_.abandon(why);
      return {};
    case ErrorCode::STALE_GENERATION:
    case ErrorCode::NOT_PARTICIPANT:
    case ErrorCode::UNKNOWN_CHAT:
      // The log will tell: until the removal itself was processed, this is only what the relay says.
      break;
    default:
      if (why.retryable) break;
      c_.log.warning("a message was refused for good: ", why.code);
      SOTTO_TRY(c_.outbox.remove(chat.id, row.place));
      SOTTO_TRY(c_.messages.set_failed(chat.id, c_.account->user, row.id, why));
      SOTTO_TRY(c_.outbox.drop_numbers(chat.id, row.place));
      if (row.n) chat.next_n = *row.n;
      SOTTO_TRY(c_.chats.update(chat));
      return emit_message(chat.id, row.id);
  }
  const auto most = why.code == ErrorCode::UNAVAILABLE ? send_retry_unavailable_most : send_retry_most;
  runtime.send_retry = c_.now + wait_after(why, runtime.send_failures++, send_retry_first, most, c_.random);
  return {};
}

Status Outbox::renumber(ChatRow& chat) {
  // What is in flight was sent under old numbers: whatever is answered to it, the rows go again under new ones.
  runtimes_.of(chat.id).refused = true;
  chat.next_n = 1;
  return c_.outbox.drop_numbers(chat.id, 0);
}

Status Outbox::accept_up_to(ChatRow& chat, std::uint64_t n) {
  SOTTO_TRY_ASSIGN(const auto rows, c_.outbox.head(chat.id, wire::limits::messages_in_flight));
  for (const auto& row : rows) {
    if (!row.n || *row.n > n) continue;
    SOTTO_TRY(c_.outbox.remove(chat.id, row.place));
    SOTTO_TRY_ASSIGN(const bool moved, c_.messages.raise_state(chat.id, c_.account->user, row.id, MessageState::sent));
    if (moved) SOTTO_TRY(emit_message(chat.id, row.id));
  }
  return {};
}

Status Outbox::fail_all(const ChatRow& chat, const Error& why) {
  SOTTO_TRY_ASSIGN(const auto ids, c_.outbox.take_all(chat.id));
  for (const auto& id : ids) {
    SOTTO_TRY(c_.messages.set_failed(chat.id, c_.account->user, id, why));
    SOTTO_TRY(emit_message(chat.id, id));
  }
  runtimes_.of(chat.id).in_flight.clear();
  return {};
}

Status Outbox::emit_message(const ChatId& chat, const ClientMessageId& id) {
  SOTTO_TRY_ASSIGN(auto message, c_.messages.find(chat, c_.account->user, id));
  if (message) c_.emit(MessageChanged{std::move(*message)});
  return {};
}

}  // namespace sotto::client
