#include "sim/push_oracle.h"

#include "client/tables/leaving_table.h"
#include "relay/record_keys.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {

constexpr Milliseconds high_again{60'000};
constexpr Milliseconds normal_again{15 * 60'000};

template <typename T>
T decoded(const Bytes* value) {
  return value == nullptr ? T{} : must(T::decode(*value), "a record of the relay");
}

}  // namespace

void PushOracle::on_relay_started() {
  // Notices are not stored, and who was told is forgotten.
  notices_.clear();
  may_have_come_.clear();
  expected_.clear();
  failed_.clear();
}

void PushOracle::on_record(ByteView key, const Bytes* value) {
  const auto id = [&](auto& out, std::size_t at) { assign_exact(out, key.subspan(at, 16)); };
  if (key.front() == 'P' && key.size() == 33) {
    relay::DeviceRef device;
    id(device.user, 1);
    id(device.device, 17);
    std::optional<relay::PushToken> token;
    if (value != nullptr) token = decoded<relay::PushToken>(value);
    tokens_[device].set(std::move(token), world_.now());
  } else if (key.front() == 'b' && key.size() == 17) {
    UserId user;
    id(user, 1);
    blocks_[user].set(decoded<relay::BlockRecord>(value), world_.now());
  } else if (key.front() == 'c') {
    ChatId chat;
    id(chat, 1);
    const auto device = relay::keys::device_of_cursor(key);
    if (device) cursors_[{chat, *device}].set(decoded<relay::CursorRecord>(value).acked, world_.now());
  }
}

std::uint64_t PushOracle::acked(const ChatId& chat, const relay::DeviceRef& device) const {
  const auto it = cursors_.find({chat, device});
  if (it == cursors_.end()) return 0;
  return it->second.since == world_.now() ? it->second.before : it->second.now;
}

std::optional<relay::PushToken> PushOracle::token_before(const relay::DeviceRef& device) const {
  const auto it = tokens_.find(device);
  if (it == tokens_.end()) return std::nullopt;
  return it->second.since == world_.now() ? it->second.before : it->second.now;
}

bool PushOracle::blocks(const UserId& user, const UserId& other) const {
  const auto it = blocks_.find(user);
  return it != blocks_.end() && it->second.now.contains(other) &&
         (it->second.since != world_.now() || it->second.before.contains(other));
}

bool PushOracle::something_waits(const relay::DeviceRef& device, const relay::PushToken& token) const {
  for (const auto& [chat, log] : world_.oracle().logs()) {
    const auto member = log.members.find(device);
    if (member == log.members.end()) continue;
    for (auto seq = acked(chat, device) + 1; seq <= log.entries.size(); ++seq) {
      const auto& entry = log.at(seq);
      if (!member->second.is_owed(seq) || entry.sender == device || entry.urgency == wire::NONE) continue;
      if (token.high_only && entry.urgency != wire::HIGH) continue;
      const bool direct = chat == wire::direct_chat_id(device.user, entry.sender.user);
      if (!direct || !blocks(device.user, entry.sender.user)) return true;
    }
  }
  return false;
}

bool PushOracle::is_told(const relay::DeviceRef& device, bool high) const {
  const auto it = notices_.find(device);
  if (it == notices_.end() || (high && !it->second.high)) return false;
  return world_.relay_clock_was_set() || world_.now() < it->second.at + (high ? high_again : normal_again);
}

void PushOracle::on_append(const ChatId& chat, const TrueLog& log, std::uint64_t seq) {
  const auto& entry = log.at(seq);
  if (entry.urgency == wire::NONE) return;
  const bool high = entry.urgency == wire::HIGH;
  for (const auto& [ref, member] : log.members) {
    if (ref == entry.sender || !member.is_owed(seq)) continue;
    const auto* device = world_.device_of(ref.user);
    if (device == nullptr || world_.network().known_to_relay(*device)) continue;
    // What changed in this very step may count or not.
    const auto known = tokens_.find(ref);
    if (known == tokens_.end() || !known->second.now || known->second.since == world_.now()) continue;
    if (known->second.now->high_only && !high) continue;
    const auto blocked = blocks_.find(ref.user);
    const bool direct = chat == wire::direct_chat_id(ref.user, entry.sender.user);
    if (direct && blocked != blocks_.end() &&
        (blocked->second.now.contains(entry.sender.user) || blocked->second.before.contains(entry.sender.user))) {
      continue;
    }
    expected_.emplace_back(ref, high);
  }
}

void PushOracle::on_notice(const relay::PushNotice& notice) {
  ++world_.counts.operations["(push) notices"];
  const auto& ref = notice.device;
  const auto* device = world_.device_of(ref.user);
  const auto who = device == nullptr ? brief(ref.user.bytes) : device->name();
  const auto known = tokens_.find(ref);
  const auto is_token = [&](const std::optional<relay::PushToken>& token) {
    return token && token->token == notice.token;
  };
  const bool stored = known != tokens_.end() && (is_token(known->second.now) || is_token(token_before(ref)));
  // One that the device has told is used before the run that stores it has ended.
  const bool told = device != nullptr && world_.relay().runs_take_time() && notice.token.starts_with(who + "'s ");
  if (!stored && !told) violated("a notice goes where the device said", who);
  const auto token = !stored                       ? std::optional(relay::PushToken{notice.token, false})
                     : is_token(known->second.now) ? known->second.now
                                                   : known->second.before;
  if (device != nullptr && device->online() && world_.network().works(device->connection())) {
    violated("nobody is woken who is there", who);
  }
  if (!something_waits(ref, *token)) violated("nobody is woken for nothing, or by whom it has blocked", who);
  const auto last = notices_.find(ref);
  const bool once = last == notices_.end() || may_have_come_.contains(ref) || failed_.contains(ref) ||
                    (notice.high && !last->second.high);
  if (!once && !world_.relay_clock_was_set() &&
      world_.now() < last->second.at + (notice.high ? high_again : normal_again)) {
    violated("who was told is not told again until it has come", who);
  }
  notices_[ref] = {world_.now(), notice.high};
  may_have_come_.erase(ref);
  // What failed was one before.
  failed_.erase(ref);
}

void PushOracle::on_relay_step_done(bool disturbed) {
  for (const auto& [device, high] : std::exchange(expected_, {})) {
    if (disturbed || is_told(device, high)) continue;
    const auto* who = world_.device_of(device.user);
    violated("who is away is told that something waits", who == nullptr ? brief(device.user.bytes) : who->name());
  }
  for (const auto& device : std::exchange(failed_, {})) notices_.erase(device);
}

void PushOracle::on_opened(const Device& device) { may_have_come_.insert({device.user, device.device}); }

void PushOracle::on_authenticated(const Device& device, Timestamp opened) {
  const relay::DeviceRef ref{device.user, device.device};
  // It came before the relay was at rest again.
  std::erase_if(expected_, [&](const auto& it) { return it.first == ref; });
  const auto last = notices_.find(ref);
  if (last == notices_.end()) return;
  // One that is younger than the connection came after its end, or before the relay knew who had come.
  if (last->second.at < opened) {
    notices_.erase(last);
  } else {
    may_have_come_.insert(ref);
  }
}

void PushOracle::check_token(Device& device) {
  const auto row = must(client::PushTokenTable(device.db()).load(), "push token");
  if (!row || !row->told_to) return;
  const auto known = tokens_.find({device.user, device.device});
  if (known == tokens_.end() || !known->second.now || known->second.now->token != row->token) {
    violated("a token that was told is known", device.name());
  }
}

}  // namespace sotto::sim
