#include "relay/chat_fold.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

Error corrupt(const char* why) { return Error(ErrorCode::CORRUPT, why); }

void leave(ChatMember& member, std::uint64_t seq) {
  member.on_roster = false;
  if (SOTTO_PLANTED(removed_member_served)) return;
  if (!member.owed.empty() && member.owed.back().to == open_end) member.owed.back().to = seq;
}

void join(ChatMember& member, std::uint64_t seq, std::uint32_t era) {
  // Replaced by one commit: it is owed all the time, and keeps its cursor.
  if (!member.owed.empty() && member.owed.back().to == seq) {
    member.owed.back().to = open_end;
  } else {
    member.owed.push_back({seq, open_end});
  }
  member.on_roster = true;
  member.era = era;
  member.joined_seq = seq;
  member.last_n = 0;
}

Status apply_commit(ChatFold& fold, const StoredEntry& entry) {
  const auto aad = entry.commit_aad();
  if (!aad.ok()) return corrupt("a handshake without a CommitAad in a log");
  auto roster = fold.roster.after(*aad);
  if (!roster.ok()) return corrupt("a handshake that does not fit its log");
  fold.roster = std::move(*roster);
  const auto seq = fold.head;
  for (const auto& change : aad->removes) leave(fold.members[{change.user, change.device}], seq);
  for (const auto& change : aad->adds) join(fold.members[{change.user, change.device}], seq, change.era);

  fold.handshake_seq = seq;
  fold.handshakes.push_back({seq, entry.sender, entry.hash(), entry.message_id});
  if (fold.handshakes.size() > wire::limits::handshake_senders_kept) fold.handshakes.pop_front();
  const bool membership = !aad->adds.empty() || !aad->removes.empty() || aad->membership_changed;
  if (membership && !SOTTO_PLANTED(min_handshake_not_raised)) {
    fold.min_handshake = seq;
  } else if (fold.handshakes.size() >= wire::limits::handshakes_accepted_back) {
    const auto& oldest = fold.handshakes[fold.handshakes.size() - wire::limits::handshakes_accepted_back];
    fold.min_handshake = std::max(fold.min_handshake, oldest.seq);
  }
  return {};
}

}  // namespace

Status ChatFold::apply(const StoredEntry& entry) {
  const bool first = head == 0;
  if (first != (entry.kind == EntryKind::founding)) return corrupt("a log that does not begin with its founding");
  ++head;
  if (entry.kind == EntryKind::message) {
    const auto it = members.find(entry.sender);
    if (it == members.end() || entry.n != it->second.last_n + 1) return corrupt("a message out of order in a log");
    it->second.last_n = entry.n;
    return {};
  }
  if (first) {
    type = entry.type;
    generation = entry.generation;
    founding = {head, entry.sender, entry.hash(), entry.message_id};
  }
  return apply_commit(*this, entry);
}

const ChatMember* ChatFold::find(const DeviceRef& device) const {
  const auto it = members.find(device);
  return it == members.end() ? nullptr : &it->second;
}

const ChatMember* ChatFold::on_roster(const DeviceRef& device, std::uint32_t era) const {
  const auto* member = find(device);
  return member != nullptr && member->on_roster && member->era == era ? member : nullptr;
}

const AcceptedHandshake* ChatFold::find_handshake(const DeviceRef& sender, const crypto::Sha256Digest& hash) const {
  const auto it = std::ranges::find_if(
      handshakes, [&](const auto& handshake) { return handshake.sender == sender && handshake.hash == hash; });
  return it == handshakes.end() ? nullptr : &*it;
}

std::size_t ChatFold::closed_ranges() const {
  std::size_t count = 0;
  for (const auto& [device, member] : members) count += member.owed.size() - (member.on_roster ? 1 : 0);
  return count;
}

std::vector<DeviceRef> ChatFold::forget(std::uint64_t up_to) {
  std::vector<DeviceRef> gone;
  for (auto it = members.begin(); it != members.end();) {
    auto& member = it->second;
    std::erase_if(member.owed, [&](const OwedRange& range) { return range.to <= up_to; });
    if (!member.on_roster && member.owed.empty()) {
      gone.push_back(it->first);
      it = members.erase(it);
    } else {
      ++it;
    }
  }
  return gone;
}

std::optional<std::uint64_t> next_owed(const ChatMember& member, std::uint64_t acked, std::uint64_t head) {
  for (const auto& range : member.owed) {
    const auto next = std::max(range.from, acked + 1);
    if (next <= std::min(range.to, head)) return next;
  }
  return std::nullopt;
}

std::uint64_t last_owed(const ChatMember& member, std::uint64_t head) {
  for (auto it = member.owed.rbegin(); it != member.owed.rend(); ++it) {
    if (it->from <= head) return std::min(it->to, head);
  }
  return 0;
}

bool begins_at(const ChatMember& member, std::uint64_t seq) {
  return std::ranges::any_of(member.owed, [&](const OwedRange& range) { return range.from == seq; });
}

}  // namespace sotto::relay
