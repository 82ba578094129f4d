#include "relay/push.h"

#include "base/test_hooks.h"
#include "base/utf8.h"
#include "relay/record_keys.h"
#include "wire/limits.h"

namespace sotto::relay {

Answer Pushes::set_token(Call& call, const wire::SetPushToken& request) {
  if (request.token().size() > wire::limits::push_token_bytes) return refuse(ErrorCode::TOO_LARGE);
  const bool high_only = request.at_least() == wire::HIGH;
  if ((!high_only && request.at_least() != wire::NORMAL) || !is_valid_utf8(request.token())) {
    return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  if (!s_.config.push && !request.token().empty()) return refuse(ErrorCode::UNSUPPORTED, "this relay has no push");
  const auto& device = call.connection.sender.device;
  const auto key = keys::push_token(device);
  const auto stored = s_.record(call, s_.push_tokens, key);
  if (!stored) return stored.answer;
  const std::optional<PushToken> before = *stored;
  if (auto limited = s_.limit('P', {view(device.user), view(device.device)}, s_.config.push_tokens)) return limited;
  if (request.token().empty()) {
    if (before) s_.push_tokens.set(key, std::nullopt);
  } else if (!before || before->token != request.token() || before->high_only != high_only) {
    s_.push_tokens.set(key, PushToken{request.token(), high_only});
  }
  return wire::Response{};
}

bool Pushes::told(const DeviceRef& device, bool high) const {
  const auto it = s_.pushed.find(device);
  if (it == s_.pushed.end() || (high && !it->second.high) || SOTTO_PLANTED(told_each_time)) return false;
  return s_.now < it->second.at + (high ? s_.config.push_high_again_ms : s_.config.push_normal_again_ms);
}

void Pushes::ask(const Chat& chat, const DeviceRef& device, const StoredEntry& entry) {
  const bool high = entry.urgency == wire::HIGH;
  if (s_.main_of(device) != nullptr) return;
  if (told(device, high)) {
    ++s_.counters.push_coalesced;
    return;
  }
  auto& asked = asked_[{device, chat.fold.type == wire::DIRECT ? entry.sender.user : UserId{}}];
  asked = asked || high;
}

void Pushes::appended(const ChatId& id, std::uint64_t seq) {
  if (!s_.config.push) return;
  const auto* chat = s_.chats.find(id);
  const auto* at = chat == nullptr ? nullptr : chat->find_recent(seq);
  if (at == nullptr || at->entry->urgency == wire::NONE) return;
  for (const auto& [device, member] : chat->fold.members) {
    if (device != at->entry->sender && last_owed(member, seq) == seq) ask(*chat, device, *at->entry);
  }
}

void Pushes::left(const Connection& connection) {
  if (!s_.config.push || connection.kind != ConnectionKind::main || !connection.delivery) return;
  const auto& device = connection.sender.device;
  for (const auto& [id, feed] : connection.delivery->feeds) {
    const auto* chat = s_.chats.find(id);
    const auto* member = chat == nullptr ? nullptr : chat->fold.find(device);
    if (member == nullptr) continue;
    // Those that are not in memory have waited before the device came, and were told of.
    const auto last = last_owed(*member, chat->durable_head);
    for (auto seq = next_owed(*member, chat->acked(device), last); seq; seq = next_owed(*member, *seq, last)) {
      const auto* at = chat->find_recent(*seq);
      if (at == nullptr || at->entry->urgency == wire::NONE || at->entry->sender == device) continue;
      ask(*chat, device, *at->entry);
    }
  }
}

void Pushes::failed(const PushFailed& what) {
  s_.pushed.erase(what.device);
  if (what.gone) gone_[what.device] = what.token;
}

void Pushes::notify(const DeviceRef& device, bool high, const PushToken& token) {
  if (token.high_only && !high) return;
  ++s_.counters.push_notices;
  s_.pushed[device] = {high, s_.now};
  forget_.emplace_back(s_.now + s_.config.push_normal_again_ms, device);
  s_.outbox.notify({device, token.token, high});
}

void Pushes::work() {
  std::erase_if(gone_, [this](const auto& item) {
    const auto key = keys::push_token(item.first);
    const auto token = s_.push_tokens.need(key);
    if (!token) return token.answer.has_value();
    // One that was set since is another.
    if (!token->has_value() || (*token)->token != item.second) return true;
    SOTTO_RARE(push_token_gone);
    s_.push_tokens.set(key, std::nullopt);
    ++s_.counters.push_tokens_gone;
    return true;
  });
  std::erase_if(asked_, [this](const auto& item) {
    const auto& [who, high] = item;
    const auto& [device, by] = who;
    if (s_.main_of(device) != nullptr || told(device, high)) return true;
    if (!by.is_zero() && !SOTTO_PLANTED(woken_by_the_blocked)) {
      const auto blocks = s_.blocks.need(keys::blocks(device.user));
      if (!blocks) return blocks.answer.has_value();
      if (blocks->has_value() && (*blocks)->contains(by)) return true;
    }
    const auto token = s_.push_tokens.need(keys::push_token(device));
    if (!token) return token.answer.has_value();
    if (token->has_value()) notify(device, high, **token);
    return true;
  });
}

void Pushes::sweep() {
  for (; !forget_.empty() && forget_.front().first <= s_.now; forget_.pop_front()) {
    const auto it = s_.pushed.find(forget_.front().second);
    if (it != s_.pushed.end() && it->second.at + s_.config.push_normal_again_ms <= s_.now) s_.pushed.erase(it);
  }
}

}  // namespace sotto::relay
