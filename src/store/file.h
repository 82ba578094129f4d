// A file beside a database, for what is too large for a row. It goes through the same SQLite VFS as the database, so
// that what a VFS does (encryption at rest, a simulated disk) applies to it, too.
//
// Crash safety is the caller's: a row says how many bytes count, the file is synced before that row is committed, and
// what lies behind is overwritten. A file without a row must not come to be: first the row, then the file; first the
// file's removal, then the row's.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "sotto/result.h"

namespace sotto::store {

/// Used by one thread at a time.
class File {
 public:
  enum class Mode {
    /// NOT_FOUND if it is missing.
    read,
    /// Made if missing; its name is durable with the first `sync`.
    write,
  };
  /// `vfs` as in OpenOptions. Errors: NOT_FOUND, IO_ERROR, DISK_FULL, OUT_OF_MEMORY.
  static Result<File> open(const std::string& path, Mode mode, const std::string& vfs);
  /// Removes a file, if it is there, durably.
  static Status remove(const std::string& path, const std::string& vfs);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  Result<std::uint64_t> size();
  /// Fills `out`; CORRUPT if the file ends before.
  Status read(std::uint64_t offset, std::span<std::uint8_t> out);
  /// Errors: DISK_FULL, IO_ERROR; then any part of it may have been written.
  Status write(std::uint64_t offset, ByteView data);
  /// What was written before survives a power cut.
  Status sync();

 private:
  struct Handle;
  explicit File(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace sotto::store
