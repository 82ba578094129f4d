// How a chat begins for a device that somebody else added: the Welcome, its ratchet tree, and what the group says.
#include <algorithm>

#include "base/try.h"
#include "client/failures.h"
#include "client/inbox.h"
#include "store/transaction.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

Status Inbox::on_chat_joined(const wire::ChatJoined& joined) {
  const auto id = id_from<ChatId>(wire::view(joined.chat_id()));
  if (!id) return Error(ErrorCode::PROTOCOL_ERROR, "a chatId of the wrong size");
  SOTTO_TRY_ASSIGN(const auto entry, check(joined.entry()));
  SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(*id));
  if (chat && chat->cursor >= entry.seq) {
    return acks_.add(*id, chat->cursor, joined.entry().ByteSizeLong());
  }
  if (joining_.contains(*id)) return {};
  // Only who is out, or not in yet, can be let in: else the relay and any user with our key package could put a group
  // of their own in the place of a chat that works.
  if (chat && (chat->status == ChatStatus::active || chat->status == ChatStatus::update_needed ||
               (chat->status == ChatStatus::creating && chat->type == ChatType::group))) {
    return Error(ErrorCode::PROTOCOL_ERROR, "a Welcome to a chat that this device is in");
  }
  return join(joined, std::nullopt);
}

Status Inbox::join(const wire::ChatJoined& joined, std::optional<ByteView> tree) {
  SOTTO_TRY_ASSIGN(const auto entry, check(joined.entry()));
  notices_of_entry_ = 0;
  auto invitation = groups_.open_welcome(joined.entry().welcome());
  if (!invitation.ok()) {
    if (must_undo(invitation.error())) return invitation.error();
    return join_failed(joined, entry, invitation.error());
  }
  const auto id = *id_from<ChatId>(wire::view(joined.chat_id()));
  if (invitation->tree && !tree) {
    if (invitation->tree->size() > wire::limits::tree_bytes) {
      return join_failed(joined, entry, Error(ErrorCode::TOO_LARGE, "a ratchet tree above the limit"));
    }
    auto& pending = joining_[id];
    pending.joined = joined;
    pending.location = *invitation->tree;
    return fetch_tree(id);
  }
  SOTTO_TRY_ASSIGN(auto existing, c_.chats.find(id));
  ChatRow chat;
  if (existing) chat = *existing;
  chat.id = id;
  chat.generation = joined.generation();
  const auto signer = invitation->joining.group_info().signer;

  // Undone if the group turns out to be unusable: half a join must not stay.
  SOTTO_TRY_ASSIGN(auto savepoint, store::Savepoint::begin(c_.db));
  std::optional<store::Savepoint> half_joined(std::move(savepoint));
  auto group = groups_.join(id, chat.generation, std::move(*invitation), tree);
  Status fits = group.ok() ? check_joined(joined, **group) : Status(group.error());
  if (fits.ok() && existing) fits = check_inviter(*existing, **group, signer);
  if (!fits.ok()) {
    groups_.evict(id);
    if (must_undo(fits.error())) return fits.error();
    half_joined.reset();
    return join_failed(joined, entry, fits.error());
  }
  SOTTO_TRY(half_joined->release());
  return finish_join(std::move(chat), !existing, entry, **group, signer);
}

/// The group must be the chat that the relay says it is: a direct chat has exactly the chatId of its two users.
Status Inbox::check_joined(const wire::ChatJoined& joined, const mls::Group& group) {
  SOTTO_TRY_ASSIGN(const auto state, read_chat_state(group.extensions()));
  if ((state.type == ChatType::direct) != (joined.type() == wire::DIRECT)) {
    return Error(ErrorCode::INVALID_COMMIT, "the relay takes the chat for another type");
  }
  if (state.type != ChatType::direct) return {};
  SOTTO_TRY_ASSIGN(const auto devices, read_devices(group.members()));
  const auto users = roster_of(devices, {}).users();
  const auto id = id_from<ChatId>(wire::view(joined.chat_id()));
  if (users.size() != 2 || id != wire::direct_chat_id(*users.begin(), *users.rbegin())) {
    return Error(ErrorCode::INVALID_COMMIT, "a direct chat under another chatId than its users'");
  }
  return {};
}

/// Back into a chat that this device was in leads only the word of somebody who could add it when it was last there.
Status Inbox::check_inviter(const ChatRow& chat, const mls::Group& group, mls::LeafIndex signer) {
  if (chat.status != ChatStatus::removed && chat.status != ChatStatus::must_rejoin) return {};
  const auto leaf = group.leaf(signer);
  if (!leaf) return Error(ErrorCode::INVALID_COMMIT, "a Welcome without its signer");
  SOTTO_TRY_ASSIGN(const auto inviter, wire::read_credential(leaf->credential.identity));
  SOTTO_TRY_ASSIGN(const auto known, c_.chats.participants(chat.id));
  const bool could_add = std::ranges::any_of(known, [&](const Participant& participant) {
    return participant.user == inviter.user && (participant.admin || chat.type == ChatType::direct);
  });
  if (!could_add) return Error(ErrorCode::FORBIDDEN, "invited by somebody who was no admin");
  return {};
}

Status Inbox::finish_join(ChatRow chat, bool is_new, const Checked& entry, mls::Group& group, mls::LeafIndex signer) {
  SOTTO_TRY_ASSIGN(const auto state, read_chat_state(group.extensions()));
  SOTTO_TRY_ASSIGN(const auto devices, read_devices(group.members()));
  const auto roster = roster_of(devices, state.admins);
  const auto users = roster.users();
  const auto by = std::ranges::find(devices, signer, &GroupDevice::leaf);
  const UserId self = c_.account->user;
  UserId peer;
  for (const auto& user : users) {
    if (user != self) peer = user;
  }
  if (chat.status == ChatStatus::creating) {
    // Somebody else's creation won: ours is dropped, what was written waits and goes out in theirs.
    SOTTO_TRY(intents_.end_all(chat.id, {}));
  }
  chat.type = state.type;
  chat.status = ChatStatus::active;
  chat.name = state.name;
  chat.peer = peer;
  chat.problem.clear();
  if (is_new) {
    chat.created_at = static_cast<std::int64_t>(std::min<std::uint64_t>(state.created_at, position::highest_seq));
  }
  chat.last_activity = c_.now_ms();
  chat.cursor = chat.handshake_seq = chat.joined_seq = entry.seq;
  chat.skipped.clear();
  if (state.rules_version > known_rules_version) {
    chat.status = ChatStatus::update_needed;
    chat.problem = "the chat uses rules of a newer version";
  }
  if (is_new) {
    SOTTO_TRY(c_.chats.insert(chat));
  } else {
    SOTTO_TRY(c_.chats.update(chat));
  }
  SOTTO_TRY(c_.chats.set_roster(chat.id, roster));
  SOTTO_TRY(c_.chats.set_participants(chat.id, users, state.admins, entry.seq));
  SOTTO_TRY(c_.chats.forget_senders(chat.id));
  SOTTO_TRY(outbox_.renumber(chat));
  for (const auto& device : devices) SOTTO_TRY(c_.users.meet(device.certificate, c_.now_ms()));
  Checked from = entry;
  from.sender = by == devices.end() ? UserId{} : by->certificate.user;
  from.device = by == devices.end() ? DeviceId{} : by->certificate.device;
  SOTTO_TRY(receipts_.on_epoch(chat));
  if (is_new) {
    chat.invited_by = from.sender;
    SOTTO_TRY_ASSIGN(const bool known, c_.people.known(from.sender));
    if (!known || c_.blocked.contains(from.sender)) chat.request = ChatRequest::pending;
  }
  const bool founded = entry.seq == 1;
  SOTTO_TRY(notice(chat.id, from, founded ? NoticeKind::chat_created : NoticeKind::users_added,
                   founded ? users : std::set<UserId>{self}, state.name));
  c_.emit_chat(chat);
  return advance(chat, entry.seq, entry.entry->ByteSizeLong());
}

Status Inbox::join_failed(const wire::ChatJoined& joined, const Checked& entry, const Error& why) {
  c_.log.warning("a Welcome does not open: ", why.code);
  const auto id = *id_from<ChatId>(wire::view(joined.chat_id()));
  SOTTO_TRY_ASSIGN(auto existing, c_.chats.find(id));
  ChatRow chat;
  if (existing) {
    chat = *existing;
  } else {
    chat.id = id;
    chat.type = joined.type() == wire::DIRECT ? ChatType::direct : ChatType::group;
    chat.created_at = chat.last_activity = c_.now_ms();
    SOTTO_TRY(c_.chats.insert(chat));
  }
  chat.generation = joined.generation();
  chat.handshake_seq = chat.joined_seq = entry.seq;
  if (chat.status == ChatStatus::creating) SOTTO_TRY(intents_.end_all(id, why));
  SOTTO_TRY(must_rejoin(chat, entry, "the invitation could not be opened: " + why.message));
  return advance(chat, entry.seq, entry.entry->ByteSizeLong());
}

Status Inbox::fetch_tree(const ChatId& chat) {
  const auto& pending = joining_[chat];
  wire::Request request;
  auto& command = *request.mutable_fetch_attachment();
  command.set_attachment_id(pending.location.attachment_id());
  command.set_token(wire::field(ChatGroups::tree_token(pending.location)));
  command.set_offset(pending.tree.size());
  command.set_limit(wire::limits::attachment_part_bytes);
  session_.request(request, [this, chat](const wire::Response& response) { return on_tree_part(chat, response); });
  return {};
}

Status Inbox::on_tree_part(const ChatId& chat, const wire::Response& response) {
  const auto it = joining_.find(chat);
  if (it == joining_.end()) return {};
  auto& pending = it->second;
  std::optional<Bytes> tree;
  Status outcome = wire::status_of(response);
  if (outcome.ok()) {
    const auto& part = response.attachment_part();
    append(pending.tree, wire::view(part.data()));
    if (part.data().empty() || pending.tree.size() > pending.location.size()) {
      outcome = Error(ErrorCode::MALFORMED, "a ratchet tree of another size than announced");
    } else if (pending.tree.size() < pending.location.size()) {
      return fetch_tree(chat);
    } else if (auto opened = ChatGroups::open_tree(pending.location, pending.tree); opened.ok()) {
      tree = std::move(*opened);
    } else {
      outcome = opened.error();
    }
  }
  if (!outcome.ok() && outcome.error().retryable) {
    session_.abandon(outcome.error());  // Asked for again after the next connection.
    return {};
  }
  auto node = joining_.extract(chat);
  const auto& done = node.mapped();
  if (tree) {
    SOTTO_TRY(join(done.joined, *tree));
  } else {
    SOTTO_TRY_ASSIGN(const auto entry, check(done.joined.entry()));
    notices_of_entry_ = 0;
    SOTTO_TRY(join_failed(done.joined, entry, outcome.error()));
  }
  for (const auto& entries : done.later) SOTTO_TRY(on_entries(entries));
  return {};
}

}  // namespace sotto::client
