// A GroupStorage in memory: for tests, tools, and groups that need not outlive the process.
#pragma once

#include <map>

#include "mls/storage.h"

namespace sotto::mls {

class MemoryStorage final : public GroupStorage {
 public:
  MemoryStorage() = default;

  Result<std::optional<SecretBytes>> get(const StorageKey& key) override;
  Status put(const StorageKey& key, ByteView value) override;
  Status erase(const StorageKey& key) override;
  Status erase_all(Table table, std::uint64_t epoch) override;
  Result<std::vector<StorageRow>> scan(Table table, std::uint64_t epoch, std::optional<std::uint64_t> index) override;

  /// Replaces the content by that of `other`: `saved.copy_from(live)` is a snapshot, `live.copy_from(saved)` a
  /// rollback. The counters stay.
  void copy_from(const MemoryStorage& other);

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] std::size_t rows_of(Table table) const;
  /// Bytes of keys and values put since the last `reset_counters`; an erased row counts its key.
  [[nodiscard]] std::size_t bytes_written() const { return bytes_written_; }
  [[nodiscard]] std::size_t rows_written() const { return rows_written_; }
  void reset_counters() { bytes_written_ = rows_written_ = 0; }
  /// Every following operation but the next `count` fails with IO_ERROR.
  void fail_after(std::optional<std::size_t> count) { fail_after_ = count; }

  friend bool operator==(const MemoryStorage& a, const MemoryStorage& b);

 private:
  [[nodiscard]] bool fails();
  std::map<StorageKey, SecretBytes> rows_;
  std::size_t bytes_written_ = 0;
  std::size_t rows_written_ = 0;
  std::optional<std::size_t> fail_after_;
};

}  // namespace sotto::mls
