#include "mls/memory_storage.h"

namespace sotto::mls {

namespace {
constexpr std::size_t key_size = 1 + 3 * sizeof(std::uint64_t);
}

bool MemoryStorage::fails() {
  if (!fail_after_) return false;
  if (*fail_after_ == 0) return true;
  --*fail_after_;
  return false;
}

Result<std::optional<SecretBytes>> MemoryStorage::get(const StorageKey& key) {
  if (fails()) return ErrorCode::IO_ERROR;
  const auto it = rows_.find(key);
  if (it == rows_.end()) return std::optional<SecretBytes>();
  return std::optional<SecretBytes>(it->second.clone());
}

Status MemoryStorage::put(const StorageKey& key, ByteView value) {
  if (fails()) return ErrorCode::IO_ERROR;
  rows_[key] = SecretBytes(value);
  bytes_written_ += key_size + value.size();
  ++rows_written_;
  return {};
}

Status MemoryStorage::erase(const StorageKey& key) {
  if (fails()) return ErrorCode::IO_ERROR;
  if (rows_.erase(key) > 0) {
    bytes_written_ += key_size;
    ++rows_written_;
  }
  return {};
}

Status MemoryStorage::erase_all(Table table, std::uint64_t epoch) {
  if (fails()) return ErrorCode::IO_ERROR;
  auto it = rows_.lower_bound({table, epoch, 0, 0});
  while (it != rows_.end() && it->first.table == table && it->first.epoch == epoch) {
    it = rows_.erase(it);
    bytes_written_ += key_size;
    ++rows_written_;
  }
  return {};
}

Result<std::vector<StorageRow>> MemoryStorage::scan(Table table, std::uint64_t epoch,
                                                    std::optional<std::uint64_t> index) {
  if (fails()) return ErrorCode::IO_ERROR;
  std::vector<StorageRow> out;
  auto it = rows_.lower_bound({table, epoch, index.value_or(0), 0});
  for (; it != rows_.end() && it->first.table == table && it->first.epoch == epoch; ++it) {
    if (index && it->first.index != *index) break;
    out.push_back({it->first.index, it->first.generation, it->second.clone()});
  }
  return out;
}

void MemoryStorage::copy_from(const MemoryStorage& other) {
  rows_.clear();
  for (const auto& [key, value] : other.rows_) rows_[key] = value.clone();
}

std::size_t MemoryStorage::rows_of(Table table) const {
  std::size_t count = 0;
  for (const auto& [key, value] : rows_) count += key.table == table ? 1 : 0;
  return count;
}

bool operator==(const MemoryStorage& a, const MemoryStorage& b) {
  return a.rows_.size() == b.rows_.size() &&
         std::equal(a.rows_.begin(), a.rows_.end(), b.rows_.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && equal(x.second.view(), y.second.view());
         });
}

}  // namespace sotto::mls
