// Records of one kind as values: read once, changed in memory, written once a run under the revision that was read.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relay/backend/backend.h"
#include "relay/batch.h"

namespace sotto::relay {

/// `T` has `Bytes encode() const` and `static Result<T> decode(ByteView)`.
template <typename T>
class RecordCache {
 public:
  RecordCache(Backend& backend, Batch& batch, std::size_t limit) : backend_(backend), batch_(batch), limit_(limit) {}
  RecordCache(const RecordCache&) = delete;
  RecordCache& operator=(const RecordCache&) = delete;

  /// The record, or none if it does not exist. The pointer is good until the next call.
  Need<const std::optional<T>> need(const RecordKey& key) {
    Entry& entry = entries_[key];
    entry.used = step_;
    if (entry.state == State::absent) load(key, entry);
    if (entry.state == State::failed) return {nullptr, unavailable()};
    if (entry.state != State::ready) return {};
    return {&entry.value, std::nullopt};
  }

  /// Changes a record that `need` gave; nothing removes it. Written by `flush`.
  void set(const RecordKey& key, std::optional<T> value) {
    Entry& entry = entries_[key];
    entry.value = std::move(value);
    dirty_.insert(key);
  }

  /// It was set, and not handed to the backend yet.
  [[nodiscard]] bool waits(const RecordKey& key) const { return dirty_.contains(key); }

  void flush() {
    for (const auto& key : dirty_) write(key, entries_[key]);
    dirty_.clear();
  }

  /// Forgets what could not be written, so that it is read again.
  void drop(const RecordKey& key) { entries_.erase(key); }

  /// Called at the end of each step.
  void sweep(std::uint64_t step) {
    step_ = step;
    for (const auto& key : failed_) entries_.erase(key);
    failed_.clear();
    if (entries_.size() <= limit_) return;
    std::vector<std::uint64_t> uses;
    uses.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) uses.push_back(entry.used);
    const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 2);
    std::nth_element(uses.begin(), middle, uses.end());
    std::erase_if(entries_, [&](const auto& item) {
      return item.second.state == State::ready && item.second.used <= *middle && item.second.used + 2 < step_;
    });
  }

 private:
  enum class State { absent, loading, ready, failed };
  struct Entry {
    State state = State::absent;
    std::optional<T> value;
    std::uint64_t revision = 0;
    std::uint64_t used = 0;
    /// Tells a load's answer whether it is still waited for.
    std::uint64_t load = 0;
  };

  void load(const RecordKey& key, Entry& entry) {
    entry.state = State::loading;
    entry.load = ++loads_;
    backend_.get(key, [this, key, load = entry.load](Result<Record> result) {
      const auto it = entries_.find(key);
      if (it == entries_.end() || it->second.load != load) return;
      Entry& target = it->second;
      target.state = State::failed;
      if (result.ok() && result->revision == 0) {
        target.state = State::ready;
      } else if (result.ok()) {
        if (auto value = T::decode(result->value); value.ok()) {
          target.value = std::move(*value);
          target.revision = result->revision;
          target.state = State::ready;
        }
      }
      if (target.state == State::failed) failed_.push_back(key);
    });
  }

  void write(const RecordKey& key, Entry& entry) {
    if (!entry.value) {
      backend_.remove(key, [this, key](const Status& result) {
        batch_.finished(key, result);
        if (const auto it = entries_.find(key); it != entries_.end()) it->second.revision = 0;
      });
      return;
    }
    backend_.put(key, entry.value->encode(), entry.revision, [this, key](const Result<std::uint64_t>& result) {
      batch_.finished(key, result);
      const auto it = entries_.find(key);
      if (result.ok() && it != entries_.end()) it->second.revision = *result;
    });
  }

  Backend& backend_;
  Batch& batch_;
  std::size_t limit_;
  struct Hash {
    std::size_t operator()(const RecordKey& key) const noexcept { return std::hash<std::string_view>{}(as_text(key)); }
  };
  std::unordered_map<RecordKey, Entry, Hash> entries_;
  std::set<RecordKey> dirty_;
  std::vector<RecordKey> failed_;
  std::uint64_t step_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace sotto::relay
