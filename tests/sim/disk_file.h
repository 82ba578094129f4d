// A file of the simulated disk: what the OS shows, what is durable, the changes in between, and its locks.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sim/disk.h"

namespace sotto::sim {

constexpr std::uint64_t sector_size = 512;

/// What a power cut does to the unsynced changes.
struct Cut {
  enum class Kind { all_lost, all_kept, prefix, scattered };
  Kind kind = Kind::all_lost;
  /// prefix: the change that is torn; those before it are kept.
  std::uint64_t number = 0;
  /// scattered: how many of 8 sectors are kept.
  std::uint64_t keep_of_8 = 4;
  bool garbage = false;
  bool powersafe_overwrite = false;
};

/// The lock of SQLite's rollback mode. Holders are told apart by the address of their handle.
struct FileLock {
  int shared = 0;
  const void* reserved = nullptr;
  const void* pending = nullptr;
  bool exclusive = false;
};

/// The WAL index: regions and its eight locks (-1: exclusive, otherwise the number of sharers).
struct SharedMemory {
  std::vector<std::vector<std::uint32_t>> regions;
  std::array<int, 8> locks{};
  int users = 0;
};

class DiskFile {
 public:
  /// An empty name: a temporary file, in no directory.
  explicit DiskFile(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] ByteView shown() const { return shown_; }

  void write(std::uint64_t offset, ByteView bytes, std::uint64_t number);
  void truncate(std::uint64_t size, std::uint64_t number);
  void sync();
  /// A sync fails, and what it did not write is no longer to be written. False if there was nothing to forget.
  bool forget(Random& random);
  /// Shows no longer what was forgotten.
  void drop_forgotten();
  /// Whether it lost any change, and whether it kept one that came after a lost one.
  struct Loss {
    bool any = false;
    bool reordered = false;
  };
  Loss power_cut(const Cut& cut, Random& random, DiskCounts& counts);
  void list_unsynced(std::vector<std::uint64_t>& numbers) const;

  FileLock lock;
  std::shared_ptr<SharedMemory> memory;
  int handles = 0;

 private:
  struct Change {
    std::uint64_t number;
    bool truncates;
    /// The new size, if it truncates.
    std::uint64_t offset;
    std::size_t size;
    /// Where its bytes begin in `log_`.
    std::size_t at;
  };
  struct Outcome {
    std::uint64_t kept = 0;
    std::uint64_t lost = 0;
    std::uint64_t garbled = 0;
  };

  void apply(Bytes& to, const Change& change) const;
  /// The write's sectors one by one, as `cut` says.
  Outcome apply_torn(const Change& change, const Cut& cut, Random& random);
  void apply_part(const Change& change, std::uint64_t begin, std::uint64_t end);
  void garble(const Change& change, std::uint64_t begin, std::uint64_t end, bool whole_sector, Random& random);

  std::string name_;
  Bytes shown_;
  Bytes durable_;
  Bytes log_;
  std::vector<Change> unsynced_;
  bool forgotten_ = false;
};

}  // namespace sotto::sim
