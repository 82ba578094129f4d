#include "relay/backend/young_entries.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/little_endian.h"
#include "relay/backend/sync_store.h"

namespace sotto::relay {

namespace {

/// Before an entry's bytes in a segment: its log, its seq and its size; numbers are little-endian.
constexpr std::size_t header_bytes = sizeof(LogId::bytes) + 8 + 4;
/// A run that appends more has several.
constexpr std::size_t segment_bytes = 4 * 1024 * 1024;

}  // namespace

std::optional<YoungEntries::Parsed> YoungEntries::parse(const Segment& segment, std::size_t& at) {
  const ByteView rest = ByteView(segment.bytes).subspan(at);
  if (rest.size() < header_bytes) return std::nullopt;
  Parsed out;
  std::ranges::copy(rest.first(out.log.bytes.size()), out.log.bytes.begin());
  out.seq = load_little_endian(rest.subspan(out.log.bytes.size(), 8));
  const std::size_t size = load_little_endian(rest.subspan(out.log.bytes.size() + 8, 4));
  if (size > rest.size() - header_bytes) return std::nullopt;
  out.record = rest.subspan(header_bytes, size);
  at += header_bytes + size;
  return out;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> YoungEntries::range(const LogId& log) const {
  const auto found = logs_.find(log);
  if (found == logs_.end() || found->second.empty()) return std::nullopt;
  const auto& it = found->second;
  return std::pair(it.first_seq + it.head, it.first_seq + it.entries.size() - 1);
}

bool YoungEntries::contains(const LogId& log, std::uint64_t seq) const {
  const auto there = range(log);
  return there && seq >= there->first && seq <= there->second;
}

ByteView YoungEntries::at(const LogId& log, std::uint64_t seq) const {
  const auto& it = logs_.at(log);
  const auto& entry = it.entries[seq - it.first_seq];
  return ByteView(entry.segment->bytes).subspan(entry.offset, entry.size);
}

YoungEntries::Segment& YoungEntries::add(std::uint64_t id, Bytes bytes) {
  auto& segment = segments_[id];
  segment = std::make_unique<Segment>();
  segment->id = id;
  segment->bytes = std::move(bytes);
  bytes_ += segment->bytes.size();
  next_id_ = id + 1;
  return *segment;
}

bool YoungEntries::follows(const Parsed& entry) const {
  const auto found = logs_.find(entry.log);
  const bool first = found == logs_.end() || found->second.entries.empty();
  return entry.seq <= most_number && (first || entry.seq == found->second.first_seq + found->second.entries.size());
}

void YoungEntries::insert(Segment& segment, const Parsed& entry) {
  auto& log = touch(entry.log);
  if (log.entries.empty()) log.first_seq = entry.seq;
  const auto offset = static_cast<std::uint32_t>(entry.record.data() - segment.bytes.data());
  log.entries.push_back({&segment, offset, static_cast<std::uint32_t>(entry.record.size())});
  ++segment.live;
  ++count_;
}

YoungEntries::Log& YoungEntries::touch(const LogId& log) {
  auto& it = logs_[log];
  touched_.try_emplace(log, Before{it.head, it.entries.size()});
  return it;
}

void YoungEntries::append(const LogId& log, std::uint64_t seq, ByteView record) {
  const bool fits = !segments_.empty() && segments_.rbegin()->first >= first_new_ &&
                    segments_.rbegin()->second->bytes.size() < segment_bytes;
  auto& segment = fits ? *segments_.rbegin()->second : add(next_id_, {});
  auto& bytes = segment.bytes;
  const auto before = bytes.size();
  sotto::append(bytes, log.bytes);
  append_little_endian(bytes, seq, 8);
  append_little_endian(bytes, record.size(), 4);
  sotto::append(bytes, record);
  bytes_ += bytes.size() - before;
  ++segment.entries;
  insert(segment, {log, seq, ByteView(bytes).last(record.size())});
}

std::size_t YoungEntries::trim(const LogId& log, std::uint64_t up_to) {
  const auto there = range(log);
  if (!there || up_to < there->first) return 0;
  auto& it = touch(log);
  const auto begin = it.head;
  it.head = static_cast<std::size_t>(std::min(up_to, there->second) + 1 - it.first_seq);
  for (auto i = begin; i < it.head; ++i) {
    auto& segment = *it.entries[i].segment;
    if (--segment.live == 0) died_.push_back(segment.id);
  }
  count_ -= it.head - begin;
  return it.head - begin;
}

std::vector<const YoungEntries::Segment*> YoungEntries::appended() const {
  std::vector<const Segment*> out;
  for (auto it = segments_.lower_bound(first_new_); it != segments_.end(); ++it) {
    if (it->second->live > 0) out.push_back(it->second.get());
  }
  return out;
}

std::vector<std::uint64_t> YoungEntries::dead() const {
  std::vector<std::uint64_t> out;
  std::ranges::copy_if(died_, std::back_inserter(out), [&](const auto id) { return id < first_new_; });
  return out;
}

const YoungEntries::Segment* YoungEntries::oldest() const {
  const auto it = std::ranges::find_if(segments_, [](const auto& at) { return at.second->live > 0; });
  return it == segments_.end() || it->first >= first_new_ ? nullptr : it->second.get();
}

std::uint64_t YoungEntries::last_partly_trimmed() const {
  for (auto it = segments_.rbegin(); it != segments_.rend(); ++it) {
    const auto& segment = *it->second;
    if (it->first < first_new_ && segment.live > 0 && segment.live < segment.entries) return it->first;
  }
  return 0;
}

void YoungEntries::commit() {
  for (const auto& [id, before] : touched_) {
    const auto it = logs_.find(id);
    auto& log = it->second;
    if (log.empty()) {
      logs_.erase(it);
    } else if (log.head > log.entries.size() / 2) {
      log.entries.erase(log.entries.begin(), log.entries.begin() + static_cast<std::ptrdiff_t>(log.head));
      log.first_seq += std::exchange(log.head, 0);
    }
  }
  touched_.clear();
  for (const auto id : std::exchange(died_, {})) {
    const auto it = segments_.find(id);
    // One of the run's own may have got another entry afterwards, and have lost that, too.
    if (it == segments_.end() || it->second->live > 0) continue;
    bytes_ -= it->second->bytes.size();
    segments_.erase(it);
  }
  first_new_ = next_id_;
}

void YoungEntries::roll_back() {
  for (const auto& [id, before] : touched_) {
    auto& log = logs_.at(id);
    for (auto i = before.head; i < std::min(log.head, before.size); ++i) ++log.entries[i].segment->live;
    count_ -= log.entries.size() - log.head;
    log.head = before.head;
    log.entries.resize(before.size);
    count_ += log.entries.size() - log.head;
    if (log.empty()) logs_.erase(id);
  }
  touched_.clear();
  died_.clear();
  for (auto it = segments_.lower_bound(first_new_); it != segments_.end(); it = segments_.erase(it)) {
    bytes_ -= it->second->bytes.size();
  }
  next_id_ = first_new_;
}

}  // namespace sotto::relay
