#include "relay/chat_log.h"

#include <algorithm>

#include "relay/chat_rules.h"
#include "relay/delivery.h"
#include "relay/expiry.h"
#include "relay/push.h"
#include "relay/record_keys.h"

namespace sotto::relay {

namespace {

wire::Response accepted(std::uint64_t seq, const MessageId& message_id, const ClientMessageId& client_message_id,
                        std::uint64_t last_n) {
  wire::Response response;
  auto& answer = *response.mutable_accepted();
  answer.set_seq(seq);
  answer.set_message_id(to_string_bytes(message_id));
  answer.set_client_message_id(to_string_bytes(client_message_id));
  answer.set_last_n(last_n);
  return response;
}

/// The log no longer has the entry.
wire::Response accepted_once(std::uint64_t last_n) {
  wire::Response response;
  response.mutable_accepted()->set_last_n(last_n);
  return response;
}

wire::Response created(const ChatId& chat, std::uint64_t seq, const MessageId& message_id) {
  wire::Response response;
  auto& answer = *response.mutable_chat_created();
  answer.set_chat_id(to_string_bytes(chat));
  answer.set_seq(seq);
  answer.set_message_id(to_string_bytes(message_id));
  return response;
}

/// Of the log, a read that looks for a repeat.
constexpr std::size_t search_entries = 256;
constexpr std::size_t search_bytes = 1024 * 1024;

}  // namespace

bool ChatLog::check_lists(Call& call, const std::vector<wire::RosterChange>& adds, Answer& failure) {
  bool ready = true;
  for (const auto& change : adds) {
    const auto user = s_.record(call, s_.users, keys::user(change.user));
    if (!user) {
      ready = false;
      if (user.answer) failure = user.answer;
    } else if (!exists(*user)) {
      failure = refuse(ErrorCode::UNKNOWN_USER);
      return false;
    } else if (const auto* device = (*user)->find(change.device); device == nullptr || device->era != change.era) {
      failure = refuse(ErrorCode::CERTIFICATE_REFUSED, "an added device is not in its user's device list");
      return false;
    }
    const auto blocks = s_.record(call, s_.blocks, keys::blocks(change.user));
    if (!blocks) {
      ready = false;
      if (blocks.answer) failure = blocks.answer;
    } else if (blocks->has_value() && (*blocks)->contains(call.connection.sender.device.user)) {
      failure = refuse(ErrorCode::BLOCKED);
      return false;
    }
  }
  return ready;
}

wire::Response ChatLog::append(Call& call, Chat& chat, Judgement judgement) {
  const auto dependency = chat_dependency(chat.id);
  StoredEntry& entry = judgement.entry;
  entry.time = s_.wall;
  entry.message_id = s_.message_ids.next(Timestamp(std::chrono::milliseconds(s_.wall)));
  if (auto status = chat.fold.apply(entry); !status.ok()) {
    // Judged acceptable, and yet it does not fold: nothing was written; the fold is read anew.
    s_.log.error("relay: an accepted entry does not fold, chat ", chat.id);
    s_.batch.failed(dependency, ErrorCode::INTERNAL);
    return unavailable();
  }
  const auto seq = chat.fold.head;
  for (const auto& change : judgement.adds) {
    s_.put_plain(keys::membership({change.user, change.device}, chat.id), {1}, dependency);
  }

  expiry_.note(chat, dependency);
  s_.dirty_chats.insert(chat.id);
  s_.backend.append(chat.id, seq - 1, encode(entry), [this, id = chat.id, dependency, seq](Result<std::uint64_t> at) {
    s_.batch.finished(dependency, at);
    if (at.ok()) ++s_.counters.entries_accepted;
    auto* target = s_.chats.find(id);
    if (at.ok() && target != nullptr) target->durable_head = std::max(target->durable_head, seq);
  });
  const auto* member = chat.fold.find(call.connection.sender.device);
  auto response = entry.kind == EntryKind::founding ? created(chat.id, seq, entry.message_id)
                                                    : accepted(seq, entry.message_id, entry.client_message_id,
                                                               member == nullptr ? 0 : member->last_n);
  chat.push_recent({seq, std::make_shared<const StoredEntry>(std::move(entry)), {}});
  call.committed = [this, id = chat.id, seq] {
    delivery_.appended(id, seq);
    pushes_.appended(id, seq);
  };
  return response;
}

Answer ChatLog::create(Call& call, const wire::CreateChat& request) {
  const auto id = id_from<ChatId>(wire::view(request.chat_id()));
  if (!id) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto chat = s_.chat(call, *id);
  if (!chat) return chat.answer;
  const auto& sender = call.connection.sender;
  auto judgement = judge_founding(chat->fold, sender, request);
  switch (judgement.kind) {
    case Judgement::Kind::refuse:
      return judgement.refusal;
    case Judgement::Kind::repeat:
      return created(*id, judgement.repeated.seq, judgement.repeated.message_id);
    case Judgement::Kind::accept:
      break;
  }
  Answer failure;
  if (!check_lists(call, judgement.adds, failure)) return failure;
  if (auto limited = s_.limit('n', {view(sender.device.user)}, s_.config.new_chats)) return limited;
  return append(call, *chat, std::move(judgement));
}

Answer ChatLog::send(Call& call, const wire::SendMessage& request) {
  const auto id = id_from<ChatId>(wire::view(request.chat_id()));
  if (!id) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto chat = s_.chat(call, *id);
  if (!chat) return chat.answer;
  const auto& sender = call.connection.sender;
  auto judgement = judge_message(chat->fold, sender, request);
  switch (judgement.kind) {
    case Judgement::Kind::refuse:
      return judgement.refusal;
    case Judgement::Kind::repeat:
      return repeat(*chat, sender.device, judgement.entry.n);
    case Judgement::Kind::accept:
      break;
  }
  if (auto limited = s_.limit('s', {view(sender.device.user), view(*id)}, s_.config.messages)) return limited;
  return append(call, *chat, std::move(judgement));
}

Answer ChatLog::modify(Call& call, const wire::ModifyChatParticipants& request) {
  const auto id = id_from<ChatId>(wire::view(request.chat_id()));
  const auto user = id_from<UserId>(wire::view(request.user_id()));
  if (!id || !user || (request.operation() != wire::ADD && request.operation() != wire::REMOVE)) {
    return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  return commit(call, {request.commit(), *id, request.operation(), *user});
}

Answer ChatLog::update(Call& call, const wire::UpdateChat& request) {
  const auto id = id_from<ChatId>(wire::view(request.chat_id()));
  if (!id) return refuse(ErrorCode::INVALID_ARGUMENT);
  return commit(call, {request.commit(), *id, wire::OPERATION_UNSPECIFIED, {}});
}

Answer ChatLog::commit(Call& call, const CommitRequest& request) {
  const auto chat = s_.chat(call, request.chat);
  if (!chat) return chat.answer;
  const auto& sender = call.connection.sender;
  auto judgement = judge_commit(chat->fold, sender, request);
  switch (judgement.kind) {
    case Judgement::Kind::refuse:
      return judgement.refusal;
    case Judgement::Kind::repeat: {
      const auto& member = *chat->fold.find(sender.device);
      return accepted(judgement.repeated.seq, judgement.repeated.message_id, judgement.entry.client_message_id,
                      member.last_n);
    }
    case Judgement::Kind::accept:
      break;
  }
  Answer failure;
  if (!check_lists(call, judgement.adds, failure)) return failure;
  const bool roster = judgement.changes_roster;
  const auto& device = sender.device;
  if (auto limited = s_.limit(roster ? 'o' : 'e', {view(device.user), view(request.chat)},
                              roster ? s_.config.roster_changes : s_.config.updates)) {
    return limited;
  }
  if (auto limited = s_.limit('c', {view(device.user), view(device.device)}, s_.config.commits)) return limited;
  return append(call, *chat, std::move(judgement));
}

Answer ChatLog::repeat(Chat& chat, const DeviceRef& sender, std::uint64_t n) {
  const auto& member = *chat.fold.find(sender);
  const auto is_it = [&](const StoredEntry& entry) {
    return entry.kind == EntryKind::message && entry.sender == sender && entry.n == n;
  };
  for (auto it = chat.recent.rbegin(); it != chat.recent.rend() && it->seq > member.joined_seq; ++it) {
    if (is_it(*it->entry)) {
      return accepted(it->seq, it->entry->message_id, it->entry->client_message_id, member.last_n);
    }
  }
  // What its sender has acked is no longer asked for, so the search begins there.
  const auto from = std::max({chat.first, member.joined_seq + 1, chat.acked(sender) + 1});
  const auto key = std::make_pair(sender, n);
  const bool in_memory = chat.recent.empty() ? from > chat.fold.head : from >= chat.recent.front().seq;
  auto it = chat.searches.find(key);
  if (it == chat.searches.end() && !in_memory) {
    if (auto limited = s_.limit('s', {view(sender.user), view(chat.id)}, s_.config.messages)) return limited;
    search(chat.id, sender, n, from);
    return std::nullopt;
  }
  if (it == chat.searches.end()) return accepted_once(member.last_n);
  const auto found = it->second;
  if (found.running) return std::nullopt;
  chat.searches.erase(it);
  if (found.failed) return unavailable();
  if (!found.found || found.seq <= member.joined_seq) return accepted_once(member.last_n);
  return accepted(found.seq, found.found->message_id, found.found->client_message_id, member.last_n);
}

void ChatLog::search(const ChatId& id, const DeviceRef& sender, std::uint64_t n, std::uint64_t from) {
  auto* chat = s_.chats.find(id);
  if (chat == nullptr) return;
  auto& search_state = chat->searches[{sender, n}];
  search_state.running = true;
  s_.backend.read(id, from, search_entries, search_bytes,
                  [this, id, sender, n, head = chat->fold.head](const Result<std::vector<LogRecord>>& records) {
                    auto* target = s_.chats.find(id);
                    if (target == nullptr) return;
                    auto& state = target->searches[{sender, n}];
                    state.running = false;
                    state.failed = !records.ok();
                    if (!records.ok()) return;
                    for (const auto& record : *records) {
                      auto entry = decode_entry(record.data);
                      if (!entry.ok() || entry->kind != EntryKind::message) continue;
                      if (entry->sender != sender || entry->n != n) continue;
                      state.seq = record.seq;
                      state.found = std::make_shared<const StoredEntry>(std::move(*entry));
                      return;
                    }
                    if (!records->empty() && records->back().seq < head) {
                      search(id, sender, n, records->back().seq + 1);
                    }
                  });
}

Answer ChatLog::get(Call& call, const wire::GetChat& request) {
  const auto id = id_from<ChatId>(wire::view(request.chat_id()));
  if (!id) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto chat = s_.chat(call, *id);
  if (!chat) return chat.answer;
  const auto& fold = chat->fold;
  if (!fold.exists()) return refuse(ErrorCode::UNKNOWN_CHAT);
  const auto* own = fold.find(call.connection.sender.device);
  if (own == nullptr || !own->on_roster) return refuse(ErrorCode::NOT_PARTICIPANT);
  wire::Response response;
  auto& info = *response.mutable_chat();
  info.set_chat_id(to_string_bytes(*id));
  info.set_type(fold.type);
  info.set_generation(fold.generation);
  info.set_head(fold.head);
  info.set_handshake_seq(fold.handshake_seq);
  info.set_min_handshake(fold.min_handshake);
  for (const auto& [device, member] : fold.members) {
    if (!member.on_roster) continue;
    auto& to = *info.add_roster();
    to = roster_device(fold, device, member);
    to.set_acked_seq(chat->acked(device));
  }
  return response;
}

}  // namespace sotto::relay
