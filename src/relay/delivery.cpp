#include "relay/delivery.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "relay/entry_view.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace limits = wire::limits;

namespace {

/// Of one chat, before it is another's turn.
constexpr std::size_t entries_a_turn = 32;
constexpr std::size_t bytes_a_turn = 64 * 1024;
/// Until a chat that could not be read is tried again for a connection.
constexpr std::uint64_t read_retry_ms = 10'000;

/// The bytes of the entry as this device gets it.
std::shared_ptr<const Bytes> encoded_for(Chat& chat, const DeviceRef& device, const LogEntryAt& at) {
  if (!at.encoded || at.entry->sender == device) {
    return std::make_shared<const Bytes>(wire::serialize(entry_for(device, at)));
  }
  if (at.encoded->empty()) {
    *at.encoded = wire::serialize(entry_for(device, at));
    chat.recent_bytes += at.encoded->size();
  }
  return at.encoded;
}

}  // namespace

void Delivery::wake(Connection& connection) {
  if (!connection.delivery || connection.pumping || connection.closing) return;
  connection.pumping = true;
  pumping_.push_back(connection.id);
}

bool Delivery::has_room(const Connection& connection) {
  const auto& d = *connection.delivery;
  return d.entries_in_flight < limits::window_entries && d.bytes_in_flight < limits::window_bytes &&
         !s_.congested(connection);
}

void Delivery::open_feed(Connection& connection, Chat& chat, const ChatMember& member) {
  auto& d = *connection.delivery;
  const auto [it, added] = d.feeds.try_emplace(chat.id);
  Feed& feed = it->second;
  if (added)
    feed.next =
        next_owed(member, chat.acked(connection.sender.device), chat.durable_head).value_or(chat.durable_head + 1);
  if (feed.ready) return;
  feed.ready = true;
  d.ready.push_back(chat.id);
}

void Delivery::appended(const ChatId& id, std::uint64_t seq) {
  auto* chat = s_.chats.find(id);
  if (chat == nullptr) return;
  for (const auto& [device, member] : chat->fold.members) {
    if (last_owed(member, seq) != seq) continue;
    const auto online = s_.online.find(device);
    if (online == s_.online.end()) continue;
    for (auto* connection : online->second) {
      open_feed(*connection, *chat, member);
      wake(*connection);
    }
  }
}

void Delivery::make_room(DeliveryState& state, Feed& feed, std::uint64_t seq) {
  const auto end = std::ranges::find_if(feed.in_flight, [&](const auto& sent) { return sent.seq > seq; });
  for (auto sent = feed.in_flight.begin(); sent != end; ++sent) {
    --state.entries_in_flight;
    state.bytes_in_flight -= sent->bytes;
  }
  feed.in_flight.erase(feed.in_flight.begin(), end);
}

void Delivery::has_arrived(Connection& connection, const ChatId& chat, std::uint64_t seq) {
  if (!connection.delivery) return;
  const auto it = connection.delivery->feeds.find(chat);
  if (it == connection.delivery->feeds.end()) return;
  make_room(*connection.delivery, it->second, seq);
  it->second.arrived = true;
  wake(connection);
}

void Delivery::acked(Connection& connection, const ChatId& chat, std::uint64_t seq) {
  if (!connection.delivery) return;
  auto& d = *connection.delivery;
  const auto it = d.feeds.find(chat);
  if (it == d.feeds.end()) return;
  Feed& feed = it->second;
  make_room(d, feed, seq);
  feed.next = std::max(feed.next, seq + 1);
  feed.arrived = false;
  if (feed.in_flight.empty() && !feed.ready) d.feeds.erase(it);
  wake(connection);
}

bool Delivery::work() {
  std::deque<ConnectionId> again;
  bool waits = false;
  while (!pumping_.empty() && s_.outbox.bytes() < s_.config.step_bytes) {
    const auto id = pumping_.front();
    pumping_.pop_front();
    auto* connection = s_.find(id);
    if (connection == nullptr) continue;
    connection->pumping = false;
    if (connection->closing) continue;
    switch (pump(*connection)) {
      case Progress::idle:
        break;
      case Progress::more:
        wake(*connection);
        break;
      case Progress::waits:
        waits = true;
        connection->pumping = true;
        again.push_back(id);
        break;
    }
  }
  pumping_.insert(pumping_.end(), again.begin(), again.end());
  return waits;
}

void Delivery::retry_later(Connection& connection, const ChatId& chat) {
  if (!connection.delivery->unread.insert(chat).second) return;
  SOTTO_RARE(chat_not_readable);
  retries_.push_back({s_.now + read_retry_ms, connection.id, chat});
}

std::optional<std::uint64_t> Delivery::next_retry() const {
  if (retries_.empty()) return std::nullopt;
  return retries_.front().due;
}

void Delivery::on_timers() {
  while (!retries_.empty() && retries_.front().due <= s_.now) {
    const auto retry = retries_.front();
    retries_.pop_front();
    auto* connection = s_.find(retry.connection);
    if (connection == nullptr || !connection->delivery) continue;
    connection->delivery->unread.erase(retry.chat);
    connection->delivery->to_retry.push_back(retry.chat);
    wake(*connection);
  }
}

Delivery::Progress Delivery::retry(Connection& connection) {
  auto& d = *connection.delivery;
  const auto id = d.to_retry.back();
  const auto chat = s_.chats.need(id);
  if (!chat && !chat.answer) return Progress::waits;
  d.to_retry.pop_back();
  if (!chat) {
    retry_later(connection, id);
  } else if (const auto* member = chat->fold.find(connection.sender.device)) {
    open_feed(connection, *chat, *member);
  }
  return Progress::more;
}

Delivery::Progress Delivery::pump(Connection& connection) {
  auto& d = *connection.delivery;
  if (!d.heads_told && !tell_heads(connection)) return Progress::waits;
  if (!d.to_retry.empty()) return retry(connection);
  if (d.reading) return Progress::waits;
  if (d.ready.empty() || !has_room(connection)) return Progress::idle;

  const auto id = d.ready.front();
  const auto chat = s_.chats.need(id);
  if (!chat && !chat.answer) return Progress::waits;
  d.ready.pop_front();
  Feed& feed = d.feeds[id];
  feed.ready = false;
  if (!chat) {
    retry_later(connection, id);
    return Progress::more;
  }
  const auto* member = chat->fold.find(connection.sender.device);
  if (member == nullptr) return Progress::more;
  if (!serve(connection, *chat, feed, *member)) return Progress::waits;
  return Progress::more;
}

bool Delivery::serve(Connection& connection, Chat& chat, Feed& feed, const ChatMember& member) {
  auto& d = *connection.delivery;
  // Also what is acked by a run that is under way: it may be trimmed by the same.
  feed.next = std::max(feed.next, chat.acked(connection.sender.device) + 1);
  const auto next = next_owed(member, feed.next - 1, chat.durable_head);
  if (!next) {
    if (feed.in_flight.empty() && !feed.arrived) d.feeds.erase(chat.id);
    return true;
  }
  feed.ready = true;
  d.ready.push_back(chat.id);
  if (*next < chat.first) {
    tell_gap(connection, chat, feed, member);
    return true;
  }
  const auto room = std::min(entries_a_turn, limits::window_entries - d.entries_in_flight);
  const auto last = std::min(last_owed(member, chat.durable_head), *next + room - 1);
  if (chat.find_recent(*next) == nullptr) {
    SOTTO_RARE(log_read_from_disk);
    read(connection, chat.id, *next, last);
    return false;
  }
  std::vector<LogEntryAt> entries;
  std::size_t bytes = 0;
  const auto most = std::min(bytes_a_turn, limits::window_bytes - d.bytes_in_flight);
  for (auto seq = next; seq && *seq <= last && bytes < most; seq = next_owed(member, *seq, last)) {
    entries.push_back(*chat.find_recent(*seq));
    bytes += entries.back().entry->weight();
  }
  deliver(connection, chat, feed, entries);
  return true;
}

void Delivery::read(Connection& connection, const ChatId& id, std::uint64_t from, std::uint64_t to) {
  connection.delivery->reading = true;
  s_.backend.read(id, from, static_cast<std::size_t>(to - from + 1), bytes_a_turn,
                  [this, id, from, connection_id = connection.id](const Result<std::vector<LogRecord>>& records) {
                    auto* target = s_.find(connection_id);
                    if (target == nullptr || !target->delivery) return;
                    auto& d = *target->delivery;
                    d.reading = false;
                    const auto feed = d.feeds.find(id);
                    auto* chat = s_.chats.find(id);
                    if (feed == d.feeds.end() || chat == nullptr) return;
                    const auto* member = chat->fold.find(target->sender.device);
                    if (member == nullptr) return;
                    std::vector<LogEntryAt> entries;
                    bool sound = records.ok();
                    for (std::size_t i = 0; sound && i < records->size(); ++i) {
                      const auto& record = (*records)[i];
                      auto entry = decode_entry(record.data);
                      sound = entry.ok();
                      // Between two times of membership there is what others are owed.
                      if (!sound || next_owed(*member, record.seq - 1, chat->durable_head) != record.seq) continue;
                      entries.push_back({record.seq, std::make_shared<const StoredEntry>(std::move(*entry)), {}});
                    }
                    const bool lost = sound && entries.empty() && from >= chat->first && from >= feed->second.next;
                    if (!sound || lost) {
                      s_.log.error("relay: a log cannot be read, chat ", id);
                      retry_later(*target, id);
                      feed->second.ready = false;
                      std::erase(d.ready, id);
                    }
                    deliver(*target, *chat, feed->second, entries);
                  });
}

void Delivery::deliver(Connection& connection, Chat& chat, Feed& feed, const std::vector<LogEntryAt>& entries) {
  auto& d = *connection.delivery;
  const auto& device = connection.sender.device;
  const auto* member = chat.fold.find(device);
  wire::EntriesFrame frame;
  std::uint32_t generation = 0;
  const auto flush = [&] {
    if (!frame.empty()) s_.outbox.push(connection, frame);
    frame.clear();
  };
  for (const auto& at : entries) {
    if (at.seq < feed.next) continue;
    // Never past a hole.
    if (member == nullptr || next_owed(*member, feed.next - 1, chat.durable_head) != at.seq) break;
    // Put back on the roster by a repair, it never left the group and has no Welcome.
    const bool joins = begins_at(*member, at.seq) && at.entry->secret_for(device) != nullptr;
    std::size_t bytes = 0;
    if (joins) {
      if (SOTTO_PLANTED(welcome_forgotten_once_sent)) {
        chat.cursors[device].record = {at.seq, s_.wall};
        chat.dirty_cursors.insert(device);
        s_.dirty_chats.insert(chat.id);
      }
      flush();
      auto joined = joined_push(chat.id, chat.fold, device, at);
      bytes = joined.ByteSizeLong();
      s_.outbox.push(connection, std::move(joined));
    } else {
      const auto entry = encoded_for(chat, device, at);
      bytes = entry->size();
      if (generation != at.entry->generation || frame.size() + bytes > bytes_a_turn) flush();
      if (frame.empty()) frame.begin(view(chat.id), generation = at.entry->generation);
      frame.add(*entry);
    }
    feed.next = at.seq + 1;
    feed.in_flight.push_back({at.seq, bytes});
    ++d.entries_in_flight;
    ++s_.counters.entries_delivered;
    d.bytes_in_flight += bytes;
  }
  flush();
}

void Delivery::tell_gap(Connection& connection, Chat& chat, Feed& feed, const ChatMember& member) {
  const auto from = *next_owed(member, feed.next - 1, chat.durable_head);
  const auto to = std::min(chat.first - 1, last_owed(member, chat.durable_head));
  wire::Push push;
  auto& gap = *push.mutable_gap();
  gap.set_chat_id(to_string_bytes(chat.id));
  gap.set_from(from);
  gap.set_to(to);
  gap.set_handshakes(static_cast<std::uint64_t>(std::ranges::count_if(
      chat.fold.handshakes, [&](const auto& handshake) { return handshake.seq >= from && handshake.seq <= to; })));
  gap.set_last_n(member.last_n);
  s_.outbox.push(connection, push);
  ++s_.counters.gaps;
  feed.next = to + 1;
}

}  // namespace sotto::relay
