#include "client/signals.h"

#include <algorithm>

#include "base/try.h"
#include "client/failures.h"
#include "wire/frame.h"

namespace sotto::client {

namespace {

/// While somebody writes, this is told again so often; who hears nothing for longer takes it as ended.
constexpr std::chrono::milliseconds typing_again{4000};
constexpr std::chrono::milliseconds typing_lasts{7000};
constexpr std::chrono::milliseconds presence_again{60'000};
constexpr std::chrono::milliseconds presence_lasts{150'000};
constexpr std::chrono::milliseconds between_answers{10'000};
/// Of the clocks of two devices, and the way between them: what is older was held back by somebody.
constexpr std::chrono::minutes oldest_signal{10};
/// People to whom presence is told: those last written with.
constexpr std::size_t presence_chats = 32;
/// What is remembered of others: beyond it the next is not heard, and what was heard last may be heard again.
constexpr std::size_t most_heard = 10'000;

}  // namespace

Status Signals::post(const ChatRow& chat, wire::Signal signal) {
  last_sent_ = std::max(last_sent_ + 1, static_cast<std::uint64_t>(c_.now_ms()));
  signal.set_sent_at(last_sent_);
  const auto sealed = seal_.seal(chat, signal);
  if (!sealed.ok()) {
    if (is_storage_failure(sealed.error())) return sealed.error();
    return {};  // The chat's own trouble, which shows where it is used.
  }
  wire::Request request;
  auto& command = *request.mutable_send_ephemeral();
  command.set_chat_id(to_string_bytes(chat.id));
  command.set_generation(chat.generation);
  command.set_payload(wire::field(*sealed));
  session_.post(request);
  return {};
}

Status Signals::on_command(const TypingCommand& command) {
  if (!session_.ready() || !c_.self.privacy.typing) return {};
  const auto told = typing_told_.find(command.chat);
  if (command.typing && told != typing_told_.end() && c_.now < told->second + typing_again) return {};
  if (!command.typing && told == typing_told_.end()) return {};
  SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(command.chat));
  const bool private_now = !chat || chat->status != ChatStatus::active || chat->request != ChatRequest::none ||
                           c_.blocked.contains(chat->peer);
  if (private_now) return {};
  if (command.typing) {
    typing_told_[command.chat] = c_.now;
  } else {
    typing_told_.erase(told);
  }
  wire::Signal signal;
  signal.mutable_typing()->set_active(command.typing);
  return post(*chat, std::move(signal));
}

Status Signals::on_command(const AvailableCommand& command) {
  if (available_ == command.available) return {};
  available_ = command.available;
  if (available_) {
    presence_due_ = c_.now;
    ask_ = true;
    return {};
  }
  presence_due_.reset();
  return session_.ready() ? tell_presence(false, false) : Status{};
}

Status Signals::tell_presence(bool available, bool ask) {
  if (!c_.self.privacy.presence) return {};
  SOTTO_TRY_ASSIGN(const auto chats, c_.chats.direct_chats(presence_chats));
  for (const auto& id : chats) {
    SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(id));
    if (!chat) continue;
    wire::Signal signal;
    signal.mutable_presence()->set_available(available);
    signal.mutable_presence()->set_asks(ask);
    SOTTO_TRY(post(*chat, std::move(signal)));
  }
  return {};
}

Status Signals::on_ephemeral(const wire::Ephemeral& push) {
  const auto id = id_from<ChatId>(wire::view(push.chat_id()));
  if (!id) return Error(ErrorCode::PROTOCOL_ERROR, "an ephemeral with parts of the wrong size");
  SOTTO_TRY_ASSIGN(const auto chat, c_.chats.find(*id));
  if (!chat) return {};
  SOTTO_TRY_ASSIGN(const auto opened, seal_.open(*chat, push));
  if (!opened || opened->user == c_.account->user || c_.blocked.contains(opened->user)) return {};
  if (typing_until_.size() + present_.size() >= most_heard) return {};
  if (newest_.size() >= most_heard) newest_.clear();
  const auto& signal = opened->signal;
  auto& newest = newest_[{*id, opened->device}];
  const auto oldest = c_.now - oldest_signal;
  const bool stale =
      signal.sent_at() <= newest || static_cast<std::int64_t>(signal.sent_at()) < oldest.time_since_epoch().count();
  if (stale) return {};
  newest = signal.sent_at();
  if (signal.has_typing()) return on_typing(*chat, opened->user, signal.typing().active());
  if (signal.has_presence()) return on_presence(*chat, opened->user, signal.presence());
  return {};
}

Status Signals::on_typing(const ChatRow& chat, const UserId& user, bool active) {
  if (!c_.self.privacy.typing) return {};
  const std::pair where(chat.id, user);
  if (!active) {
    on_message(chat.id, user);
    return {};
  }
  c_.keep(typing_until_, where);
  const bool began = typing_until_.insert_or_assign(where, c_.now + typing_lasts).second;
  if (began) c_.emit(TypingChanged{chat.id, user, true});
  return {};
}

void Signals::on_message(const ChatId& chat, const UserId& user) {
  const auto it = typing_until_.find({chat, user});
  if (it == typing_until_.end()) return;
  c_.keep(typing_until_, it->first);
  typing_until_.erase(it);
  c_.emit(TypingChanged{chat, user, false});
}

Status Signals::on_presence(const ChatRow& chat, const UserId& user, const wire::Presence& presence) {
  if (!c_.self.privacy.presence || chat.type != ChatType::direct) return {};
  const auto known = present_.find(user);
  if (!presence.available()) {
    if (known == present_.end()) return {};
    const Heard heard{c_.now, c_.now};
    c_.keep(present_, user);
    present_.erase(known);
    return left(user, heard);
  }
  const bool came = known == present_.end();
  c_.keep(present_, user);
  present_[user] = {c_.now + presence_lasts, c_.now};
  if (came) {
    SOTTO_TRY(c_.people.set_last_seen(user, c_.now_ms()));
    c_.emit(PresenceChanged{user, true, c_.now});
  }
  if (!presence.asks() || !available_ || chat.request != ChatRequest::none) return {};
  const auto answered = answered_.find(chat.id);
  if (answered != answered_.end() && c_.now < answered->second + between_answers) return {};
  answered_[chat.id] = c_.now;
  wire::Signal signal;
  signal.mutable_presence()->set_available(true);
  return post(chat, std::move(signal));
}

Status Signals::left(const UserId& user, const Heard& heard) {
  SOTTO_TRY(c_.people.set_last_seen(user, heard.last.time_since_epoch().count()));
  c_.emit(PresenceChanged{user, false, heard.last});
  return {};
}

Status Signals::pump() {
  for (auto it = typing_until_.begin(); it != typing_until_.end();) {
    const auto [where, until] = *it++;
    if (until <= c_.now) on_message(where.first, where.second);
  }
  for (auto it = present_.begin(); it != present_.end();) {
    const auto [user, heard] = *it++;
    if (heard.until > c_.now) continue;
    c_.keep(present_, user);
    present_.erase(user);
    SOTTO_TRY(left(user, heard));
  }
  if (!session_.ready() || !available_ || !presence_due_ || *presence_due_ > c_.now) return {};
  presence_due_ = c_.now + presence_again;
  return tell_presence(true, std::exchange(ask_, false));
}

void Signals::on_connection_lost() {
  typing_told_.clear();
  answered_.clear();
  if (!available_) return;
  presence_due_ = c_.now;
  ask_ = true;
}

void Signals::on_erased() {
  typing_until_.clear();
  present_.clear();
  newest_.clear();
}

std::optional<Timestamp> Signals::next_timer() const {
  std::optional<Timestamp> out;
  const auto consider = [&](Timestamp time) { out = std::min(out.value_or(time), time); };
  for (const auto& [where, until] : typing_until_) consider(until);
  for (const auto& [user, heard] : present_) consider(heard.until);
  if (session_.ready() && available_ && presence_due_) consider(*presence_due_);
  return out;
}

void Signals::set_clock_back(std::chrono::milliseconds by) {
  if (presence_due_) *presence_due_ -= by;
  for (auto& [chat, time] : answered_) time -= by;
  for (auto& [chat, time] : typing_told_) time -= by;
  for (auto& [where, until] : typing_until_) until -= by;
  for (auto& [user, heard] : present_) heard.until -= by;
}

}  // namespace sotto::client
