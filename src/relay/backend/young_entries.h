// Entries of logs that came lately: on disk all that a run appends is one row, a segment, and where each entry lies is
// known in memory only. Most entries are acked and trimmed within a second, so they never get rows and an index of
// their own; those that stay are given them later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "relay/backend/backend.h"

namespace sotto::relay {

class YoungEntries {
 public:
  struct Segment {
    std::uint64_t id = 0;
    Bytes bytes;
    std::size_t entries = 0;
    /// Of them, those that are not trimmed.
    std::size_t live = 0;
  };

  // ---- What is there. Of each log, young entries follow each other, and follow all that have rows.

  /// The first and the last, if there are any.
  [[nodiscard]] std::optional<std::pair<std::uint64_t, std::uint64_t>> range(const LogId& log) const;
  /// An entry that is there.
  [[nodiscard]] ByteView at(const LogId& log, std::uint64_t seq) const;
  [[nodiscard]] std::size_t count() const { return count_; }
  /// Of all segments, with what is trimmed of them; and how many there are.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t segments() const { return segments_.size(); }

  // ---- A run

  void append(const LogId& log, std::uint64_t seq, ByteView record);
  /// Forgets entries up to `up_to`; gives how many.
  std::size_t trim(const LogId& log, std::uint64_t up_to);
  /// What this run appended and of which something is left: to be stored.
  [[nodiscard]] std::vector<const Segment*> appended() const;
  /// Stored segments of which nothing is left since this run: to be removed.
  [[nodiscard]] std::vector<std::uint64_t> dead() const;
  /// The first stored segment of which something is left.
  [[nodiscard]] const Segment* oldest() const;
  /// The last stored segment of which a part was trimmed and a part is left; 0 if there is none.
  [[nodiscard]] std::uint64_t last_partly_trimmed() const;
  /// Calls `take(log, seq, record)` for what is left of a segment, until that gives an error. Of the oldest, these are
  /// the first of their logs.
  template <typename Take>
  Status each(const Segment& segment, Take&& take) const {
    for (std::size_t at = 0; const auto entry = parse(segment, at);) {
      if (!contains(entry->log, entry->seq)) continue;
      if (Status status = take(entry->log, entry->seq, entry->record); !status.ok()) return status;
    }
    return {};
  }

  /// The changes since the last of these two are stored, or they are not.
  void commit();
  void roll_back();

  // ---- Loading

  /// A stored segment, in the order of the ids; of it, what `trimmed(log)` covers is not there. False if it is damaged.
  template <typename Trimmed>
  bool load(std::uint64_t id, Bytes bytes, Trimmed&& trimmed) {
    auto& segment = add(id, std::move(bytes));
    std::size_t at = 0;
    while (const auto entry = parse(segment, at)) {
      ++segment.entries;
      if (entry->seq <= trimmed(entry->log)) continue;
      if (!follows(*entry)) return false;
      insert(segment, *entry);
    }
    first_new_ = next_id_;
    if (segment.live == 0) died_.push_back(id);
    return at == segment.bytes.size();
  }

  struct Parsed {
    LogId log;
    std::uint64_t seq = 0;
    ByteView record;
  };
  /// The entry at `at`, which moves behind it; nothing at the end, or (at < size) if the segment is damaged.
  static std::optional<Parsed> parse(const Segment& segment, std::size_t& at);

 private:
  struct Entry {
    Segment* segment = nullptr;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  struct Log {
    /// Of entries[0].
    std::uint64_t first_seq = 0;
    /// Before it is what was trimmed; forgotten once that is stored.
    std::size_t head = 0;
    std::vector<Entry> entries;
    [[nodiscard]] bool empty() const { return head == entries.size(); }
  };
  /// What a log was before this run.
  struct Before {
    std::size_t head = 0;
    std::size_t size = 0;
  };

  [[nodiscard]] bool contains(const LogId& log, std::uint64_t seq) const;
  Segment& add(std::uint64_t id, Bytes bytes);
  /// Whether it is the next of its log, or the first, as a sound store has them.
  [[nodiscard]] bool follows(const Parsed& entry) const;
  void insert(Segment& segment, const Parsed& entry);
  Log& touch(const LogId& log);

  std::unordered_map<LogId, Log> logs_;
  std::map<std::uint64_t, std::unique_ptr<Segment>> segments_;
  /// Segments from here on are this run's.
  std::uint64_t first_new_ = 1;
  std::unordered_map<LogId, Before> touched_;
  /// Segments of which this run trimmed the last entry.
  std::vector<std::uint64_t> died_;
  std::uint64_t next_id_ = 1;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sotto::relay
