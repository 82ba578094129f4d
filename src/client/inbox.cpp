#include "client/inbox.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/content.h"
#include "client/failures.h"
#include "store/transaction.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/mls_header.h"

namespace sotto::client {

Result<Inbox::Checked> Inbox::check(const wire::Entry& entry) {
  Checked out;
  out.seq = entry.seq();
  out.entry = &entry;
  if (out.seq == 0 || out.seq > position::highest_seq ||
      !assign_exact(out.message_id, wire::view(entry.message_id())) ||
      !assign_exact(out.sender, wire::view(entry.sender_user())) ||
      !assign_exact(out.device, wire::view(entry.sender_device()))) {
    return Error(ErrorCode::PROTOCOL_ERROR, "an entry with parts of the wrong size");
  }
  // A hostile relay may give any time; it is for display only.
  out.time = static_cast<std::int64_t>(std::min<std::uint64_t>(entry.time(), position::highest_seq));
  return out;
}

Status Inbox::on_heads(const wire::Heads& heads) {
  for (const auto& head : heads.heads()) {
    const auto id = id_from<ChatId>(wire::view(head.chat_id()));
    if (!id || head.head() > position::highest_seq) {
      return Error(ErrorCode::PROTOCOL_ERROR, "a head with parts of the wrong size");
    }
    runtimes_.of(*id).drain_to = head.head();
    SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(*id));
    const std::uint64_t cursor = chat ? chat->cursor : 0;
    if (cursor > head.head()) SOTTO_TRY(lost_by_relay(*id));
    if (cursor < head.head()) {
      draining_[*id] = head.head();
    } else if (head.head() > head.acked_seq()) {
      SOTTO_RARE(ack_sent_again);
      // The ack was lost with the last connection, or the relay was restored from an older state.
      SOTTO_TRY(acks_.add(*id, head.head(), 0));
    }
  }
  if (!heads.last()) return {};
  if (session_.relay_restored()) SOTTO_TRY(on_relay_restored());
  heads_known_ = true;
  session_.on_heads_known();
  SOTTO_TRY_ASSIGN(const auto with_rows, c_.outbox.chats());
  SOTTO_TRY_ASSIGN(const auto with_intents, c_.intents.chats());
  c_.dirty.insert(with_rows.begin(), with_rows.end());
  c_.dirty.insert(with_intents.begin(), with_intents.end());
  return {};
}

Status Inbox::on_relay_restored() {
  SOTTO_TRY_ASSIGN(const auto chats, c_.chats.with_status(ChatStatus::active));
  for (const auto& id : chats) SOTTO_TRY(lost_by_relay(id));
  return {};
}

/// The relay has forgotten entries that this device knows: what it gives under their numbers now is something else.
Status Inbox::lost_by_relay(const ChatId& id) {
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(id));
  if (!chat || chat->status == ChatStatus::must_rejoin) return {};
  Checked entry;
  entry.seq = chat->cursor;
  entry.time = c_.now_ms();
  notices_of_entry_ = 256;
  SOTTO_TRY(must_rejoin(*chat, entry, "the relay was restored from an older state"));
  return c_.chats.update(*chat);
}

void Inbox::on_connection_lost() {
  heads_known_ = false;
  draining_.clear();
  joining_.clear();
}

Status Inbox::on_entries(const wire::Entries& entries) {
  const auto id = id_from<ChatId>(wire::view(entries.chat_id()));
  if (!id) return Error(ErrorCode::PROTOCOL_ERROR, "a chatId of the wrong size");
  if (const auto it = joining_.find(*id); it != joining_.end()) {
    if (it->second.later.size() >= wire::limits::window_entries) {
      return Error(ErrorCode::PROTOCOL_ERROR, "more entries than the window allows");
    }
    it->second.later.push_back(entries);
    return {};
  }
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(*id));
  if (!chat) return Error(ErrorCode::PROTOCOL_ERROR, "entries of a chat that this device has not joined");
  for (const auto& raw : entries.entries()) {
    SOTTO_TRY_ASSIGN(const auto entry, check(raw));
    if (entry.seq <= chat->cursor) {
      SOTTO_RARE(entry_known_already);
      // Not the cursor: a relay that was restored from an older state has not got that far, and would refuse it.
      SOTTO_TRY(acks_.add(*id, entry.seq, raw.ByteSizeLong()));
      continue;
    }
    if (entry.seq != chat->cursor + 1) {
      // A device that is out of a chat is owed no more than the relay's roster says, which may have a pause in it.
      if (chat->status != ChatStatus::must_rejoin) return Error(ErrorCode::PROTOCOL_ERROR, "a hole in a log");
      SOTTO_TRY(c_.chats.forget_senders(*id));
    }
    const bool passed_over = SOTTO_PLANTED(cursor_without_message) && &raw != &entries.entries(0) && raw.has_message();
    if (!passed_over) SOTTO_TRY(take(*chat, entry));
    SOTTO_TRY(advance(*chat, entry.seq, raw.ByteSizeLong()));
  }
  return {};
}

Status Inbox::advance(ChatRow& chat, std::uint64_t seq, std::size_t bytes) {
  chat.cursor = seq;
  SOTTO_TRY(c_.chats.update(chat));
  SOTTO_TRY(acks_.add(chat.id, seq, bytes));
  c_.dirty.insert(chat.id);
  if (const auto it = draining_.find(chat.id); it != draining_.end() && seq >= it->second) draining_.erase(it);
  return {};
}

/// Processes an entry; if what is stored of the chat is damaged, the entry is undone, and only this chat stops.
Status Inbox::take(ChatRow& chat, const Checked& entry) {
  const auto undo = c_.undo.size();
  const auto callbacks = c_.out.callbacks.size();
  Error damage;
  {
    SOTTO_TRY_ASSIGN(auto savepoint, store::Savepoint::begin(c_.db));
    const auto status = process(chat, entry);
    if (status.ok()) return savepoint.release();
    if (!is_damage(status.error())) return status;
    damage = status.error();
  }
  c_.log.error("what is stored of a chat is damaged: ", damage.code);
  c_.rewind(undo, callbacks);
  groups_.evict(chat.id);
  SOTTO_TRY_ASSIGN(auto stored, c_.chats.find(chat.id));
  if (!stored) return damage;
  chat = std::move(*stored);
  notices_of_entry_ = 0;
  if (entry.entry->has_handshake()) chat.handshake_seq = entry.seq;
  return must_rejoin(chat, entry, "what is stored of the chat is damaged: " + damage.message);
}

Status Inbox::process(ChatRow& chat, const Checked& entry) {
  notices_of_entry_ = 0;
  switch (entry.entry->payload_case()) {
    case wire::Entry::kMessage:
      return on_message(chat, entry);
    case wire::Entry::kHandshake:
      return on_handshake(chat, entry);
    case wire::Entry::kStub:
      return on_stub(chat, entry);
    case wire::Entry::PAYLOAD_NOT_SET:
      break;
  }
  // A kind of a newer version: it changes no state that this version keeps.
  return {};
}

Status Inbox::on_message(ChatRow& chat, const Checked& entry) {
  const ByteView bytes = wire::view(entry.entry->message());
  // The clear header is what the relay has counted by; whether it is true shows when the message opens.
  std::optional<wire::CheckedMessageAad> claimed;
  if (const auto header = wire::read_mls_header(bytes); header.ok()) {
    if (auto aad = wire::check_message_aad(header->authenticated_data); aad.ok()) claimed = *aad;
  }
  auto group = groups_.load(chat.id, chat.generation);
  if (!group.ok() && group.error().code != ErrorCode::NOT_FOUND) return group.error();
  Result<mls::Opened> opened =
      group.ok() ? (*group)->open(bytes) : Result<mls::Opened>(Error(ErrorCode::MUST_REJOIN, "no keys of this chat"));
  if (!opened.ok()) {
    if (must_undo(opened.error())) return opened.error();
    if (claimed && opened.error().code == ErrorCode::KEY_CONSUMED) {
      SOTTO_TRY_ASSIGN(const auto known, c_.messages.find(chat.id, entry.sender, claimed->client_message_id));
      if (known) return {};  // A repeat of what is stored already.
    }
    // Shown as unreadable here, so not once more as missing when this sender's next message comes.
    if (claimed) SOTTO_TRY(c_.chats.add_unopened(chat.id, entry.device, claimed->n));
    return placeholder(chat.id, entry, position::of_entry(entry.seq), opened.error());
  }
  if (auto* message = std::get_if<mls::ApplicationMessage>(&*opened)) return store_message(chat, entry, *message);
  if (auto* commit = std::get_if<mls::ReceivedCommit>(&*opened)) SOTTO_TRY((*group)->reject(std::move(*commit)));
  return placeholder(chat.id, entry, position::of_entry(entry.seq),
                     Error(ErrorCode::MALFORMED, "a handshake in the place of a message"));
}

Status Inbox::count_n(const ChatId& chat, const Checked& entry, const DeviceId& device, std::uint64_t n) {
  SOTTO_TRY_ASSIGN(const auto expected, c_.chats.expected_n(chat, device));
  if (expected && n < *expected) return {};
  SOTTO_TRY_ASSIGN(const auto unopened, c_.chats.take_unopened(chat, device, n));
  if (expected && n - *expected > unopened && !SOTTO_PLANTED(gap_not_shown)) {
    const auto missing = n - *expected - unopened;
    SOTTO_TRY(placeholder(chat, entry, static_cast<std::int64_t>(entry.seq) * position::per_seq,
                          Error(ErrorCode::NOT_FOUND, std::to_string(missing) + " message(s) of this sender missing")));
  }
  if (n >= position::highest_seq) return {};
  return c_.chats.set_expected_n(chat, device, n + 1);
}

Status Inbox::store_message(ChatRow& chat, const Checked& entry, const mls::ApplicationMessage& opened) {
  SOTTO_TRY_ASSIGN(const auto certificate, wire::read_credential(opened.sender_leaf->credential.identity));
  const auto aad = wire::check_message_aad(opened.authenticated_data);
  if (!aad.ok()) return placeholder(chat.id, entry, position::of_entry(entry.seq), aad.error());
  SOTTO_TRY_ASSIGN(const auto known, c_.messages.find(chat.id, certificate.user, aad->client_message_id));
  SOTTO_TRY(count_n(chat.id, entry, certificate.device, aad->n));
  if (known) {  // Sent again under the same id: dropped without a trace.
    SOTTO_RARE(repeat_dropped);
    return {};
  }
  const bool own = certificate.user == c_.account->user;
  signals_.on_message(chat.id, certificate.user);
  const bool unwanted =
      chat.request == ChatRequest::declined || (chat.type == ChatType::direct && c_.blocked.contains(certificate.user));
  if (unwanted && !own) return {};

  MessageRow row;
  auto& message = row.message;
  message.chat = chat.id;
  message.id = aad->client_message_id;
  message.position = position::of_entry(entry.seq);
  message.sender = SOTTO_PLANTED(sender_as_told) ? entry.sender : certificate.user;
  message.sender_device = certificate.device;
  message.state = own ? MessageState::sent : MessageState::received;
  message.stored_at = Timestamp(std::chrono::milliseconds(entry.time));
  message.sent_at = *message.stored_at;
  message.message_id = entry.message_id;
  message.kind = MessageKind::unknown;
  row.seq = entry.seq;
  row.content = opened.plaintext;
  bool has_attachments = false;
  if (const auto content = wire::decode<wire::Content>(opened.plaintext); content.ok()) {
    if (content->hidden()) {
      if (content->kind_case() != wire::Content::KIND_NOT_SET) return take_hidden(chat, certificate, *content);
      message.kind = hidden_kind;  // Of a newer version, which will know it.
    }
    constexpr std::uint64_t latest = position::highest_seq;
    message.sent_at = Timestamp(
        std::chrono::milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(content->sent_at(), latest))));
    const bool has_something = content->has_text() || content->attachments_size() > 0;
    if (has_something && !content->hidden() && content->version() <= content_version) {
      message.kind = MessageKind::text;
      message.text = content->text().body();
    }
    if (content->has_profile() && !own) SOTTO_TRY(people_.on_profile_access(certificate.user, content->profile()));
    has_attachments = message.kind == MessageKind::text && content->attachments_size() > 0;
    if (has_attachments) {
      const auto arrived = media_.on_arrived(message, *content);
      if (!arrived.ok() && must_undo(arrived.error())) return arrived.error();
      if (!arrived.ok()) message.kind = MessageKind::unknown;
    }
  }
  SOTTO_TRY(c_.messages.insert(row));
  if (message.kind == hidden_kind) return {};
  if (!own && message.position > chat.read_position) ++chat.unread;
  chat.last_activity = std::max(chat.last_activity, c_.now_ms());
  if (has_attachments) {
    SOTTO_TRY_ASSIGN(auto added, c_.messages.find(chat.id, message.sender, message.id));
    if (added) message = std::move(*added);
  }
  c_.emit(MessageAdded{message});
  return {};
}

/// What is wrong in it concerns nobody but its sender.
Status Inbox::take_hidden(const ChatRow& chat, const wire::CheckedCertificate& from, const wire::Content& content) {
  const auto taken = media_.on_hidden(chat.id, from.user, from.device, content);
  if (!taken.ok() && must_undo(taken.error())) return taken;
  if (!taken.ok()) c_.log.warning("a hidden message is wrong: ", taken.error().code);
  return {};
}

Status Inbox::placeholder(const ChatId& chat, const Checked& entry, std::int64_t where, const Error& why) {
  MessageRow row;
  auto& message = row.message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(c_.random);
  message.position = where;
  message.kind = MessageKind::placeholder;
  message.state = MessageState::received;
  // Who sent it is not proven, so nobody is named.
  message.problem = why;
  message.stored_at = Timestamp(std::chrono::milliseconds(entry.time));
  message.sent_at = *message.stored_at;
  message.message_id = entry.message_id;
  row.seq = entry.seq;
  SOTTO_TRY(c_.messages.insert(row));
  c_.emit(MessageAdded{message});
  return {};
}

Status Inbox::on_stub(ChatRow& chat, const Checked& entry) {
  const auto& stub = entry.entry->stub();
  crypto::Sha256Digest hash;
  const auto id = id_from<ClientMessageId>(wire::view(stub.client_message_id()));
  if (!id || !assign_exact(hash, wire::view(stub.sha256()))) {
    return Error(ErrorCode::PROTOCOL_ERROR, "a stub with parts of the wrong size");
  }
  SOTTO_TRY_ASSIGN(const auto intent, c_.intents.find_by_stub(chat.id, hash));
  if (intent && intent->commit_id) return merge_own(chat, entry, *intent->commit_id);
  // A commit that was staged, refused and rebuilt, and then accepted all the same.
  if (auto group = groups_.load(chat.id, chat.generation); group.ok()) {
    const auto pending = (*group)->list_pending();
    if (std::ranges::find(pending, hash) != pending.end()) {
      SOTTO_RARE(refused_commit_accepted_after_all);
      return merge_own(chat, entry, hash);
    }
  } else if (must_undo(group.error())) {
    return group.error();
  }
  SOTTO_TRY(outbox_.on_accepted(chat, *id, entry.seq, entry.message_id, entry.time));
  SOTTO_TRY_ASSIGN(const auto message, c_.messages.find(chat.id, c_.account->user, *id));
  if (message) return {};
  return must_rejoin(chat, entry, "the relay has something of this device that its store does not know");
}

Status Inbox::on_gap(const wire::Gap& gap) {
  const auto id = id_from<ChatId>(wire::view(gap.chat_id()));
  if (!id || gap.to() < gap.from() || gap.to() > position::highest_seq) {
    return Error(ErrorCode::PROTOCOL_ERROR, "a gap with parts of the wrong size");
  }
  SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(*id));
  if (!chat) return Error(ErrorCode::PROTOCOL_ERROR, "a gap in a chat that this device has not joined");
  if (gap.to() <= chat->cursor) return {};
  if (gap.from() > chat->cursor + 1) return Error(ErrorCode::PROTOCOL_ERROR, "a hole in a log");
  Checked entry;
  entry.seq = chat->cursor + 1;
  entry.time = c_.now_ms();
  SOTTO_TRY(placeholder(*id, entry, position::of_entry(entry.seq),
                        Error(ErrorCode::NOT_FOUND, "messages expired before this device came back")));
  SOTTO_TRY(c_.chats.forget_senders(*id));
  if (gap.handshakes() > 0) {
    SOTTO_TRY(must_rejoin(*chat, entry, "handshakes expired before this device came back"));
  } else if (gap.last_n() >= chat->next_n) {
    SOTTO_TRY(must_rejoin(*chat, entry, "the relay has more of this device than its store has sent"));
  } else {
    SOTTO_TRY(outbox_.accept_up_to(*chat, gap.last_n()));
  }
  return advance(*chat, gap.to(), 0);
}

}  // namespace sotto::client
