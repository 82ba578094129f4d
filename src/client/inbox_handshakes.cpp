// How the inbox follows commits: judged alike by every member, then applied, skipped, or found to be out of reach.
#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/failures.h"
#include "client/inbox.h"
#include "wire/client_store.h"
#include "wire/frame.h"
#include "wire/mls_header.h"

namespace sotto::client {

namespace {
constexpr std::chrono::hours past_epoch_lifetime{7 * 24};
/// Of so many the relay still accepts messages (min_handshake), however long ago they ended: a message that was sealed
/// before its sender was away for weeks.
constexpr std::size_t acceptable_past_epochs = 3;
}  // namespace

Status Inbox::on_handshake(ChatRow& chat, const Checked& entry) {
  const ByteView bytes = wire::view(entry.entry->handshake());
  std::optional<wire::CheckedCommitAad> aad;
  if (const auto header = wire::read_mls_header(bytes); header.ok()) {
    if (auto checked = wire::check_commit_aad(header->authenticated_data); checked.ok()) aad = std::move(*checked);
  }
  const auto after_slot = [&]() -> Status {
    chat.handshake_seq = entry.seq;
    return intents_.on_slot_lost(chat.id);
  };
  if (chat.status == ChatStatus::must_rejoin || chat.status == ChatStatus::removed) {
    if (aad) SOTTO_TRY(apply_roster(chat, *aad));
    return after_slot();
  }
  auto loaded = groups_.load(chat.id, chat.generation);
  if (!loaded.ok()) {
    if (must_undo(loaded.error())) return loaded.error();
    SOTTO_TRY(must_rejoin(chat, entry, "this device has no keys of the chat"));
    return after_slot();
  }
  auto& group = **loaded;
  // Who sent it is shown only as far as it is proven: by the leaf, if the commit opens.
  Checked proven = entry;
  proven.sender = {};
  proven.device = {};
  auto opened = group.open(bytes);
  if (!opened.ok() && must_undo(opened.error())) return opened.error();

  std::optional<Error> invalid;
  std::optional<Verdict> verdict;
  auto* commit = opened.ok() ? std::get_if<mls::ReceivedCommit>(&*opened) : nullptr;
  if (!opened.ok()) {
    invalid = opened.error();
  } else if (commit == nullptr || !aad) {
    invalid = Error(ErrorCode::INVALID_COMMIT, "not a commit with a CommitAad");
  } else {
    if (const auto by = wire::read_credential(commit->effects().sender_leaf_before->credential.identity); by.ok()) {
      proven.sender = by->user;
      proven.device = by->device;
    }
    auto judged = judge(commit->effects(), *aad);
    if (judged.ok()) {
      verdict = std::move(*judged);
    } else {
      invalid = judged.error();
    }
  }
  if (invalid) {
    SOTTO_RARE(commit_skipped);
    if (SOTTO_PLANTED(invalid_commit_not_skipped)) return Error(ErrorCode::PROTOCOL_ERROR, "planted");
    if (commit != nullptr) SOTTO_TRY(group.reject(std::move(*commit)));
    // The slot is decided: what was staged for it can no longer come up.
    for (const auto& pending : group.list_pending()) SOTTO_TRY(group.drop_pending(pending));
    SOTTO_TRY(skip_commit(chat, proven, aad, *invalid));
    if (commit != nullptr && chat.status == ChatStatus::update_needed) {
      SOTTO_TRY(must_rejoin(chat, proven, "a commit under rules of a newer version"));
    }
    return after_slot();
  }
  const bool removes_own = commit->effects().removes_this_member;
  if (removes_own) SOTTO_RARE(removed_from_a_chat);
  const auto outcome = group.apply(std::move(*commit), c_.now);
  if (!outcome.ok()) {
    if (must_undo(outcome.error())) return outcome.error();
    SOTTO_TRY(apply_roster(chat, *aad));
    SOTTO_TRY(must_rejoin(chat, proven, outcome.error().message));
    return after_slot();
  }
  SOTTO_TRY(after_slot());
  SOTTO_TRY(group.erase_epochs_superseded_before(c_.now - past_epoch_lifetime, acceptable_past_epochs));
  if (!removes_own) return after_commit(chat, entry, *verdict, *aad);

  SOTTO_TRY(after_commit(chat, entry, *verdict, *aad));
  if (!entry.entry->has_welcome()) return on_removed(chat);
  // Removed and added by one commit: the Welcome goes on where the old leaf ended.
  auto invitation = groups_.open_welcome(entry.entry->welcome());
  if (!invitation.ok()) {
    if (must_undo(invitation.error())) return invitation.error();
    return must_rejoin(chat, entry, invitation.error().message);
  }
  if (invitation->tree) return must_rejoin(chat, entry, "the ratchet tree of the new leaf is not at hand");
  const auto joined = groups_.join(chat.id, chat.generation, std::move(*invitation), std::nullopt);
  if (!joined.ok()) {
    if (must_undo(joined.error())) return joined.error();
    groups_.evict(chat.id);
    return must_rejoin(chat, entry, joined.error().message);
  }
  return {};
}

Status Inbox::merge_own(ChatRow& chat, const Checked& entry, const mls::CommitId& commit) {
  SOTTO_TRY_ASSIGN(const auto intent, c_.intents.find_by_commit(chat.id, commit));
  SOTTO_TRY_ASSIGN(auto* group, groups_.load(chat.id, chat.generation));
  auto pending = group->pending(commit);
  if (!pending.ok()) {
    if (must_undo(pending.error())) return pending.error();
    return must_rejoin(chat, entry, "an own commit that this store does not know");
  }
  // An own commit is judged as every member judges it: if a rule were broken, all the others would skip it. Only the
  // founding one is judged by nobody: the rules of the group begin with it.
  const auto aad = wire::check_commit_aad(pending->effects.authenticated_data);
  const bool founding = chat.status == ChatStatus::creating;
  auto verdict = !aad.ok()  ? Result<Verdict>(aad.error())
                 : founding ? founding_verdict(pending->effects)
                            : judge(pending->effects, *aad);
  chat.handshake_seq = entry.seq;
  if (!verdict.ok()) {
    for (const auto& staged : group->list_pending()) SOTTO_TRY(group->drop_pending(staged));
    SOTTO_TRY(skip_commit(chat, entry, aad.ok() ? std::optional(*aad) : std::nullopt, verdict.error()));
    return intents_.on_slot_lost(chat.id);
  }
  SOTTO_TRY(group->merge_pending(commit, c_.now));
  if (founding) {
    chat.status = ChatStatus::active;
    chat.joined_seq = entry.seq;
    chat.problem.clear();
    SOTTO_TRY(notice(chat.id, entry, NoticeKind::chat_created, verdict->roster_after.users(), verdict->after.name));
  }
  if (intent) SOTTO_TRY(intents_.on_merged(*intent));
  SOTTO_TRY(intents_.on_slot_lost(chat.id));
  return after_commit(chat, entry, *verdict, *aad);
}

Status Inbox::after_commit(ChatRow& chat, const Checked& entry, const Verdict& verdict,
                           const wire::CheckedCommitAad& aad) {
  Checked by = entry;
  by.sender = verdict.sender;
  by.device = verdict.sender_device;
  // A valid commit makes the relay's roster equal to the tree's, and mends what a skipped one did to it.
  SOTTO_TRY(c_.chats.set_roster(chat.id, verdict.roster_after));
  SOTTO_TRY(restart_numbers(chat, aad));
  chat.skipped.clear();
  chat.name = verdict.after.name;
  SOTTO_TRY(c_.chats.set_participants(chat.id, verdict.roster_after.users(), verdict.after.admins, entry.seq));
  if (!verdict.users_added.empty()) {
    SOTTO_TRY(notice(chat.id, by, NoticeKind::users_added, verdict.users_added, {}));
  }
  if (!verdict.users_removed.empty()) {
    SOTTO_TRY(notice(chat.id, by, NoticeKind::users_removed, verdict.users_removed, {}));
  }
  if (verdict.before.name != verdict.after.name) {
    SOTTO_TRY(notice(chat.id, by, NoticeKind::renamed, {}, verdict.after.name));
  }
  auto admins_before = verdict.before.admins;
  std::erase_if(admins_before, [&](const UserId& user) { return verdict.users_removed.contains(user); });
  if (admins_before != verdict.after.admins) {
    SOTTO_TRY(notice(chat.id, by, NoticeKind::admins_changed, verdict.after.admins, {}));
  }
  if (verdict.after.rules_version > known_rules_version && chat.status == ChatStatus::active) {
    chat.status = ChatStatus::update_needed;
    chat.problem = "the chat uses rules of a newer version";
  }
  SOTTO_TRY_ASSIGN(auto* group, groups_.load(chat.id, chat.generation));
  for (const auto& member : group->members()) {
    SOTTO_TRY_ASSIGN(const auto certificate, wire::read_credential(member.leaf->credential.identity));
    if (verdict.users_added.contains(certificate.user)) SOTTO_TRY(c_.users.meet(certificate, c_.now_ms()));
  }
  if (group->active()) SOTTO_TRY(receipts_.on_epoch(chat));
  c_.emit_chat(chat);
  return {};
}

Status Inbox::skip_commit(ChatRow& chat, const Checked& entry, const std::optional<wire::CheckedCommitAad>& aad,
                          const Error& why) {
  c_.log.warning("a commit was skipped: ", why.code);
  SOTTO_TRY(notice(chat.id, entry, NoticeKind::commit_ignored, {}, why.message));
  chat.skipped.push_back(entry.seq);
  constexpr std::size_t most_reported = 256;
  if (chat.skipped.size() > most_reported) chat.skipped.erase(chat.skipped.begin());
  if (!aad) return {};
  SOTTO_TRY(apply_roster(chat, *aad));
  SOTTO_TRY_ASSIGN(const auto relay_roster, c_.chats.roster(chat.id));
  if (!relay_roster.devices.contains(c_.account->device)) {
    return must_rejoin(chat, entry, "an invalid commit took this device off the relay's roster");
  }
  SOTTO_TRY_ASSIGN(auto* group, groups_.load(chat.id, chat.generation));
  SOTTO_TRY_ASSIGN(const auto state, read_chat_state(group->extensions()));
  SOTTO_TRY_ASSIGN(const auto devices, read_devices(group->members()));
  if (relay_roster != roster_of(devices, state.admins) && state.admins.contains(c_.account->user)) {
    return intents_.queue_repair(chat);
  }
  return {};
}

/// The relay has taken these changes over, whether or not the members follow the commit.
Status Inbox::apply_roster(ChatRow& chat, const wire::CheckedCommitAad& aad) {
  SOTTO_TRY_ASSIGN(auto roster, c_.chats.roster(chat.id));
  for (const auto& change : aad.removes) roster.devices.erase(change.device);
  for (const auto& change : aad.adds) roster.devices[change.device] = {change.user, change.era};
  roster.admins = aad.admins;
  SOTTO_TRY(c_.chats.set_roster(chat.id, roster));
  return restart_numbers(chat, aad);
}

/// n starts anew at the entry that puts a device on the relay's roster.
Status Inbox::restart_numbers(ChatRow& chat, const wire::CheckedCommitAad& aad) {
  for (const auto& change : aad.adds) {
    if (change.device == c_.account->device) {
      SOTTO_TRY(outbox_.renumber(chat));
    } else {
      SOTTO_TRY(c_.chats.set_expected_n(chat.id, change.device, 1));
    }
  }
  return {};
}

Status Inbox::must_rejoin(ChatRow& chat, const Checked& entry, const std::string& why) {
  if (chat.status == ChatStatus::must_rejoin) return {};
  c_.log.warning("a chat must be rejoined");
  chat.status = ChatStatus::must_rejoin;
  chat.problem = why;
  SOTTO_TRY(intents_.end_all(chat.id, Error(ErrorCode::MUST_REJOIN, why)));
  Checked nobody = entry;
  nobody.sender = {};
  nobody.device = {};
  SOTTO_TRY(notice(chat.id, nobody, NoticeKind::must_rejoin, {}, why));
  c_.emit_chat(chat);
  return {};
}

Status Inbox::on_removed(ChatRow& chat) {
  chat.status = ChatStatus::removed;
  const Error why(ErrorCode::REMOVED);
  SOTTO_TRY(outbox_.fail_all(chat, why));
  SOTTO_TRY(intents_.end_all(chat.id, why));
  c_.emit_chat(chat);
  return {};
}

Status Inbox::notice(const ChatId& chat, const Checked& entry, NoticeKind kind, const std::set<UserId>& users,
                     const std::string& text) {
  MessageRow row;
  auto& message = row.message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(c_.random);
  message.position = position::of_entry(entry.seq) + ++notices_of_entry_;
  message.kind = MessageKind::notice;
  message.state = MessageState::received;
  message.sender = entry.sender;
  message.sender_device = entry.device;
  message.notice = {kind, {users.begin(), users.end()}, text};
  message.stored_at = Timestamp(std::chrono::milliseconds(entry.time));
  message.sent_at = *message.stored_at;
  message.message_id = entry.message_id;
  row.seq = entry.seq;
  wire::StoredNotice stored;
  stored.set_kind(static_cast<std::uint32_t>(kind));
  stored.set_text(text);
  for (const auto& user : users) *stored.add_users() = to_string_bytes(user);
  row.content = wire::serialize(stored);
  SOTTO_TRY(c_.messages.insert(row));
  c_.emit(MessageAdded{message});
  return {};
}

}  // namespace sotto::client
