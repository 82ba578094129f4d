#include "client/intents.h"

#include <algorithm>

#include "base/try.h"
#include "client/failures.h"
#include "wire/client_store.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

constexpr std::chrono::milliseconds intent_retry_first{200};
constexpr std::chrono::milliseconds intent_retry_most{10'000};

IntentKind kind_of(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::add:
      return IntentKind::add;
    case ChangeKind::remove:
      return IntentKind::remove;
    case ChangeKind::rename:
      return IntentKind::rename;
    case ChangeKind::replace:
      return IntentKind::replace;
    case ChangeKind::refresh:
      break;
  }
  return IntentKind::refresh;
}

void want_packages(IntentRow& intent, const UserId& user) {
  intent.packages.add_users()->set_user_id(to_string_bytes(user));
}

}  // namespace

Status Intents::on_command(const CreateChatCommand& command) {
  SOTTO_TRY_ASSIGN(auto existing, c_.chats.find(command.chat));
  if (existing && existing->status != ChatStatus::failed) {
    c_.complete<Chat>(command.done, existing->view());
    return {};
  }
  ChatRow chat;
  chat.id = command.chat;
  chat.type = command.type;
  chat.name = command.name;
  if (command.type == ChatType::direct) chat.peer = command.users.front();
  chat.created_at = chat.last_activity = c_.now_ms();
  if (existing) {
    SOTTO_TRY(c_.chats.update(chat));  // What failed before is tried anew.
  } else {
    SOTTO_TRY(c_.chats.insert(chat));
  }
  std::set<UserId> users(command.users.begin(), command.users.end());
  users.insert(c_.account->user);
  std::set<UserId> admins;
  if (command.type == ChatType::group) admins.insert(c_.account->user);
  SOTTO_TRY(c_.chats.set_participants(chat.id, users, admins, 0));
  for (const auto& user : command.users) SOTTO_TRY(c_.people.set_known(user));
  IntentRow intent;
  intent.chat = chat.id;
  intent.kind = IntentKind::create;
  for (const auto& user : command.users) want_packages(intent, user);
  SOTTO_TRY(c_.intents.insert(intent, c_.now_ms()));
  c_.complete<Chat>(command.done, chat.view());
  c_.emit_chat(chat);
  c_.dirty.insert(chat.id);
  return {};
}

Status Intents::on_command(const ChangeChatCommand& command) {
  SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(command.chat));
  const auto refuse = [&](ErrorCode code, const char* why) {
    c_.complete<void>(command.done, Error(code, why));
    return Status{};
  };
  if (!chat) return refuse(ErrorCode::NOT_FOUND, "no such chat");
  if (chat->status == ChatStatus::removed || chat->status == ChatStatus::failed) {
    return refuse(ErrorCode::REMOVED, "nothing can be changed in this chat any more");
  }
  if (command.kind != ChangeKind::refresh && chat->type == ChatType::direct) {
    return refuse(ErrorCode::FORBIDDEN, command.kind == ChangeKind::replace
                                            ? "a direct chat has two users for ever: open a new one with the new user"
                                            : "a direct chat has two users for ever and no name");
  }
  IntentRow intent;
  intent.chat = command.chat;
  intent.kind = kind_of(command.kind);
  intent.text = command.name;
  if (command.kind != ChangeKind::rename && command.kind != ChangeKind::refresh) intent.user = command.user;
  if (command.kind == ChangeKind::add) {
    want_packages(intent, command.user);
    SOTTO_TRY(c_.people.set_known(command.user));
  }
  if (command.kind == ChangeKind::replace) {
    want_packages(intent, command.successor);
    SOTTO_TRY(c_.people.set_known(command.successor));
  }
  SOTTO_TRY_ASSIGN(const auto id, c_.intents.insert(intent, c_.now_ms()));
  if (command.done) {
    c_.keep(completions_, id);
    completions_[id] = command.done;
  }
  c_.dirty.insert(command.chat);
  return {};
}

Status Intents::queue_repair(const ChatRow& chat) {
  SOTTO_TRY_ASSIGN(const bool queued, c_.intents.has(chat.id, IntentKind::repair));
  if (queued) return {};
  IntentRow intent;
  intent.chat = chat.id;
  intent.kind = IntentKind::repair;
  SOTTO_TRY(c_.intents.insert(intent, c_.now_ms()));
  c_.dirty.insert(chat.id);
  return {};
}

Status Intents::pump(ChatRow& chat) {
  auto& runtime = runtimes_.of(chat.id);
  auto& patience = runtimes_.patience(chat.id);
  if (patience.intent_retry) {
    if (c_.now < *patience.intent_retry) return {};
    patience.intent_retry.reset();
  }
  if (!session_.ready() || runtime.intent_busy || chat.cursor < runtime.drain_to ||
      chat.cursor < runtime.commit_after_cursor) {
    return {};
  }
  SOTTO_TRY_ASSIGN(auto intent, c_.intents.first(chat.id));
  if (!intent) return {};
  if (intent->kind == IntentKind::create) return step_create(chat, *intent);
  if (chat.status != ChatStatus::active) return {};
  return step_change(chat, *intent);
}

Status Intents::step_create(ChatRow& chat, IntentRow& intent) {
  if (chat.status != ChatStatus::creating) return finish(intent, {});
  if (!intent.request) {
    SOTTO_TRY_ASSIGN(const bool asked, take_packages(intent));
    if (asked) return {};
    ChatStateView state;
    state.rules_version = known_rules_version;
    state.type = chat.type;
    state.name = chat.name;
    state.created_at = static_cast<std::uint64_t>(chat.created_at);
    if (chat.type == ChatType::group) state.admins.insert(c_.account->user);
    SOTTO_TRY_ASSIGN(auto* group, groups_.create(chat, state));
    SOTTO_TRY(c_.chats.set_roster(chat.id, {}));
    if (const auto staged = plan_and_stage(chat, intent, *group, true); !staged.ok()) {
      return must_undo(staged.error()) ? staged : fail(intent, staged.error());
    }
  }
  return send(chat, intent);
}

Status Intents::step_change(ChatRow& chat, IntentRow& intent) {
  if (!intent.request) {
    SOTTO_TRY_ASSIGN(auto* group, groups_.load(chat.id, chat.generation));
    SOTTO_TRY_ASSIGN(const auto state, read_chat_state(group->extensions()));
    SOTTO_TRY_ASSIGN(const auto devices, read_devices(group->members()));
    const auto roster = roster_of(devices, state.admins);
    const bool is_admin = state.admins.contains(c_.account->user);
    const bool is_member = intent.user && roster.has_user(*intent.user);

    if (intent.kind == IntentKind::repair) {
      SOTTO_TRY_ASSIGN(const auto relay_roster, c_.chats.roster(chat.id));
      if (relay_roster == roster || !is_admin) return finish(intent, {});
    } else if (intent.kind == IntentKind::refresh) {
      // always possible
    } else if (!is_admin) {
      return fail(intent, Error(ErrorCode::FORBIDDEN, "only an admin can change the group"));
    } else if (intent.kind == IntentKind::add) {
      if (is_member) return finish(intent, {});
      if (roster.users().size() >= wire::limits::users_per_chat) {
        return fail(intent, Error(ErrorCode::LIMIT_EXCEEDED, "a group has at most 100 users"));
      }
      SOTTO_TRY_ASSIGN(const bool asked, take_packages(intent));
      if (asked) return {};
    } else if (intent.kind == IntentKind::remove) {
      if (!is_member) return finish(intent, {});
      if (*intent.user == c_.account->user) {
        return fail(intent, Error(ErrorCode::FORBIDDEN, "an admin cannot remove itself"));
      }
    } else if (intent.kind == IntentKind::replace) {
      SOTTO_TRY_ASSIGN(const auto next, prepare_replacement(intent, roster));
      if (next == Next::ended || next == Next::asked) return {};
    } else if (intent.kind == IntentKind::rename && state.name == intent.text) {
      return finish(intent, {});
    }
    if (const auto staged = plan_and_stage(chat, intent, *group, false); !staged.ok()) {
      return must_undo(staged.error()) ? staged : fail(intent, staged.error());
    }
  }
  return send(chat, intent);
}

Status Intents::send(const ChatRow& chat, IntentRow& intent) {
  runtimes_.of(chat.id).intent_busy = true;
  if (!intent.request->tree_ciphertext().empty() && !intent.request->tree_uploaded()) return upload(intent);
  SOTTO_TRY_ASSIGN(const auto request, wire::decode_own<wire::Request>(wire::view(intent.request->request())));
  session_.request(request, [this, id = intent.id](const wire::Response& response) { return on_answer(id, response); });
  return {};
}

Status Intents::on_answer(std::int64_t intent_id, const wire::Response& response) {
  SOTTO_TRY_ASSIGN(auto intent, c_.intents.find(intent_id));
  if (!intent) return {};  // Its stub was faster.
  auto& runtime = runtimes_.of(intent->chat);
  const auto status = wire::status_of(response);
  if (status.ok()) return {};  // Its stub is on the way, and decides; until then the intent stays busy.
  const auto& why = status.error();
  c_.log.info("a change of a chat was refused: ", why.code);
  switch (why.code) {
    case ErrorCode::EPOCH_CONFLICT:
      // Not resent but rebuilt, once the log has shown what won; until then its stub may still come.
      runtime.commit_after_cursor = std::max(runtime.commit_after_cursor, response.handshake_seq());
      return retry_later(intent->chat, why);
    case ErrorCode::EXISTS:
      // Somebody else created this direct chat first: their Welcome is on the way, and takes this one's place.
      return retry_later(intent->chat, why);
    case ErrorCode::UNAUTHENTICATED:
    case ErrorCode::REPLACED:
      session_.abandon(why);
      return {};
    case ErrorCode::CERTIFICATE_REFUSED:
    case ErrorCode::ROSTER_MISMATCH:
    case ErrorCode::STALE_GENERATION: {
      constexpr std::uint32_t most_attempts = 8;
      if (++intent->attempts >= most_attempts) return fail(*intent, why);
      if (why.code == ErrorCode::ROSTER_MISMATCH) SOTTO_TRY(take_roster(intent->chat, response));
      if (why.code == ErrorCode::CERTIFICATE_REFUSED) {
        // A device list has changed since the key packages were taken.
        for (auto& user : *intent->packages.mutable_users()) {
          user.set_taken(false);
          user.clear_packages();
        }
      }
      intent->request.reset();
      intent->stub_hash.reset();
      intent->commit_id.reset();
      SOTTO_TRY(c_.intents.update(*intent));
      return retry_later(intent->chat, why);
    }
    default:
      if (why.retryable) return retry_later(intent->chat, why);
      return fail(*intent, why);
  }
}

/// The changes of a commit are the difference to the relay's roster, so what the relay says of it is what counts.
Status Intents::take_roster(const ChatId& chat, const wire::Response& response) {
  wire::Roster roster;
  for (const auto& entry : response.roster()) {
    const auto user = id_from<UserId>(wire::view(entry.user_id()));
    const auto device = id_from<DeviceId>(wire::view(entry.device_id()));
    if (!user || !device) return Error(ErrorCode::PROTOCOL_ERROR, "a roster with parts of the wrong size");
    roster.devices[*device] = {*user, entry.era()};
    if (entry.admin()) roster.admins.insert(*user);
  }
  if (roster.devices.empty()) return {};
  return c_.chats.set_roster(chat, roster);
}

Status Intents::retry_later(const ChatId& chat, const Error& why) {
  auto& patience = runtimes_.patience(chat);
  runtimes_.of(chat).intent_busy = false;
  patience.intent_retry =
      c_.now + wait_after(why, patience.intent_failures++, intent_retry_first, intent_retry_most, c_.random);
  return {};
}

Status Intents::on_slot_lost(const ChatId& chat) {
  runtimes_.of(chat).intent_busy = false;
  c_.dirty.insert(chat);
  return c_.intents.drop_staged(chat);
}

Status Intents::on_merged(const IntentRow& intent) {
  runtimes_.patience(intent.chat) = {};
  return finish(intent, {});
}

Status Intents::finish(const IntentRow& intent, const Result<void>& outcome) {
  SOTTO_TRY(c_.intents.remove(intent.id));
  runtimes_.of(intent.chat).intent_busy = false;
  c_.dirty.insert(intent.chat);
  if (const auto it = completions_.find(intent.id); it != completions_.end()) {
    c_.keep(completions_, intent.id);
    c_.complete<void>(it->second, outcome);
    completions_.erase(it);
  }
  return {};
}

Status Intents::fail(const IntentRow& intent, const Error& why) {
  c_.log.warning("a change of a chat failed: ", why.code);
  if (intent.kind == IntentKind::create) {
    SOTTO_TRY_ASSIGN(auto chat, c_.chats.find(intent.chat));
    if (chat && chat->status == ChatStatus::creating) {
      chat->status = ChatStatus::failed;
      chat->problem = why.message;
      SOTTO_TRY(c_.chats.update(*chat));
      SOTTO_TRY(outbox_.fail_all(*chat, why));
      c_.emit_chat(*chat);
      SOTTO_TRY(finish(intent, why));
      return end_all(chat->id, why);
    }
  }
  return finish(intent, why);
}

Status Intents::end_all(const ChatId& chat, const Result<void>& outcome) {
  SOTTO_TRY_ASSIGN(const auto ids, c_.intents.ids(chat));
  for (const auto id : ids) {
    SOTTO_TRY_ASSIGN(const auto intent, c_.intents.find(id));
    if (intent) SOTTO_TRY(finish(*intent, outcome));
  }
  return {};
}

void Intents::close(const Error& why) {
  for (const auto& [id, done] : completions_) c_.complete<void>(done, why);
  completions_.clear();
}

}  // namespace sotto::client
