#include <algorithm>

#include "base/test_hooks.h"
#include "relay/chat_cache.h"

namespace sotto::relay {

std::uint64_t Chat::acked(const DeviceRef& device) const {
  const auto it = cursors.find(device);
  return it == cursors.end() ? 0 : it->second.record.acked;
}

std::uint64_t Chat::delivered(const UserId& user) const {
  std::uint64_t highest = 0;
  for (auto it = cursors.lower_bound({user, {}}); it != cursors.end() && it->first.user == user; ++it) {
    highest = std::max(highest, it->second.record.acked);
  }
  return highest;
}

std::uint64_t Chat::delivered_time(const UserId& user) const {
  std::uint64_t latest = 0;
  for (auto it = cursors.lower_bound({user, {}}); it != cursors.end() && it->first.user == user; ++it) {
    latest = std::max(latest, it->second.record.time);
  }
  return latest;
}

std::uint64_t Chat::lowest_needed() const {
  std::uint64_t lowest = fold.head + 1;
  for (const auto& [device, member] : fold.members) {
    if (SOTTO_PLANTED(trimmed_at_the_highest) && acked(device) > 0) return acked(device) + 1;
    const auto cursor = cursors.find(device);
    if (cursor != cursors.end() && cursor->second.record.released) continue;
    if (const auto next = next_owed(member, acked(device), fold.head)) lowest = std::min(lowest, *next);
  }
  return lowest;
}

const LogEntryAt* Chat::find_recent(std::uint64_t seq) const {
  if (recent.empty() || seq < recent.front().seq || seq > recent.back().seq) return nullptr;
  return &recent[static_cast<std::size_t>(seq - recent.front().seq)];
}

void Chat::push_recent(LogEntryAt entry) {
  const bool shared = fold.members.size() >= members_that_share && entry.entry->kind == EntryKind::message;
  if (shared) entry.encoded = std::make_shared<Bytes>();
  recent_bytes += entry.weight();
  recent.push_back(std::move(entry));
  while (recent.size() > recent_entries || (recent_bytes > recent_most_bytes && recent.size() > 1)) {
    recent_bytes -= recent.front().weight();
    recent.pop_front();
  }
}

void Chat::drop_recent(std::uint64_t up_to) {
  while (!recent.empty() && recent.front().seq <= up_to) {
    recent_bytes -= recent.front().weight();
    recent.pop_front();
  }
}

}  // namespace sotto::relay
