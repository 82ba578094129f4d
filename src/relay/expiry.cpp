#include "relay/expiry.h"

#include <algorithm>

namespace sotto::relay {

namespace {

constexpr std::uint64_t longest_wait_ms = 3600ULL * 1000;
constexpr std::uint64_t minute_ms = 60ULL * 1000;
constexpr std::uint64_t next_page_ms = 1000;
constexpr std::size_t chats_a_look = 64;
constexpr std::size_t entries_a_read = 256;
constexpr std::size_t bytes_a_read = 1024 * 1024;

}  // namespace

std::uint64_t Expiry::period_ms() const {
  // A thirtieth: a day where entries live for 30.
  return std::max(minute_ms, s_.config.entry_lifetime_ms / 30);
}

void Expiry::note(Chat& chat, const Dependency& dependency) {
  const auto period = s_.wall / period_ms();
  if (chat.expiry_period == period) return;
  chat.expiry_period = period;
  s_.put_plain(keys::expiry(period, chat.id), {1}, dependency);
}

void Expiry::look() {
  if (s_.now < next_look_) return;
  next_look_ = s_.now + std::min(longest_wait_ms, period_ms());
  if (due_.empty()) scan();
}

void Expiry::scan() {
  s_.backend.scan(keys::expiries(), {}, chats_a_look, [this](const Result<std::vector<Record>>& records) {
    if (!records.ok()) return;
    for (const auto& record : *records) {
      const auto due = keys::parse_expiry(record.key);
      // Periods come in order; the first one that is not over ends the look.
      if (!due || (due->period + 1) * period_ms() + s_.config.entry_lifetime_ms > s_.wall) return;
      due_.try_emplace(due->chat, Due{record.key, false});
    }
    // There may be more: looked for again soon, but not at once, since these stay noted if they cannot be trimmed.
    if (records->size() == chats_a_look) next_look_ = s_.now + next_page_ms;
  });
}

void Expiry::work() {
  for (auto& [id, due] : due_) {
    if (due.reading) continue;
    const auto chat = s_.chats.need(id);
    if (!chat) continue;
    due.reading = true;
    find_expired(id, chat->first);
  }
}

void Expiry::find_expired(const ChatId& id, std::uint64_t from) {
  s_.backend.read(id, from, entries_a_read, bytes_a_read,
                  [this, id, from](const Result<std::vector<LogRecord>>& records) {
                    if (!records.ok()) {
                      due_.erase(id);  // Its note is still there: looked at again in the next period.
                      return;
                    }
                    auto up_to = from - 1;
                    for (const auto& record : *records) {
                      const auto entry = decode_entry(record.data);
                      // What cannot be read cannot be delivered either; it must not stay for ever.
                      if (entry.ok() && entry->time + s_.config.entry_lifetime_ms > s_.wall) return done(id, up_to);
                      up_to = record.seq;
                    }
                    if (records->empty()) return done(id, up_to);
                    find_expired(id, up_to + 1);
                  });
}

void Expiry::done(const ChatId& id, std::uint64_t up_to) {
  const auto it = due_.find(id);
  if (it == due_.end()) return;
  const auto key = std::move(it->second.key);
  due_.erase(it);
  if (auto* chat = s_.chats.find(id)) cursors_.expire(*chat, up_to, key);
}

}  // namespace sotto::relay
