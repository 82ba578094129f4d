#include "store/file.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "store/sqlite_error.h"

namespace sotto::store {

namespace {

/// Of a VFS's files: the kind whose new name the first sync makes durable, and that no lock belongs to.
constexpr int file_kind = SQLITE_OPEN_SUPER_JOURNAL;
/// SQLite reads and writes pages, and its unix VFS nothing of 128 KiB or more at once.
constexpr std::size_t most_at_once = 64 * 1024;

Result<sqlite3_vfs*> find_vfs(const std::string& name) {
  auto* vfs = sqlite3_vfs_find(name.empty() ? nullptr : name.c_str());
  if (vfs == nullptr) return Error(ErrorCode::INVALID_ARGUMENT, "no such VFS");
  return vfs;
}

}  // namespace

struct File::Handle {
  // A VFS keeps a pointer to the name, which ends with two zero bytes.
  std::string name;
  std::vector<std::max_align_t> memory;

  Handle(const sqlite3_vfs& vfs, const std::string& path)
      : name(path + '\0'),
        memory((static_cast<std::size_t>(vfs.szOsFile) + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }
  [[nodiscard]] sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory.data()); }
  [[nodiscard]] const sqlite3_io_methods& methods() { return *file()->pMethods; }
};

File::File(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;

Result<File> File::open(const std::string& path, Mode mode, const std::string& vfs_name) {
  const auto vfs = find_vfs(vfs_name);
  if (!vfs.ok()) return vfs.error();
  // A VFS follows no link at the end of a name.
  std::string full(static_cast<std::size_t>((*vfs)->mxPathname) + 1, '\0');
  const int resolved = (*vfs)->xFullPathname(*vfs, path.c_str(), static_cast<int>(full.size()), full.data());
  if (resolved != SQLITE_OK && resolved != SQLITE_OK_SYMLINK) return sqlite_error(resolved, nullptr, "finding a file");
  full.resize(full.find('\0'));
  auto handle = std::make_unique<Handle>(**vfs, full);
  const int flags =
      file_kind | (mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = (*vfs)->xOpen(*vfs, handle->name.c_str(), handle->file(), flags, nullptr);
  if (code != SQLITE_OK) {
    // What did not open must not be closed, unless the VFS says so by setting the methods.
    int there = 1;
    if (mode == Mode::read && code == SQLITE_CANTOPEN &&
        (*vfs)->xAccess(*vfs, full.c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK && there == 0) {
      return Error(ErrorCode::NOT_FOUND, "no such file");
    }
    return sqlite_error(code, nullptr, "opening a file");
  }
  return File(std::move(handle));
}

Status File::remove(const std::string& path, const std::string& vfs_name) {
  const auto vfs = find_vfs(vfs_name);
  if (!vfs.ok()) return vfs.error();
  const int code = (*vfs)->xDelete(*vfs, path.c_str(), 1);
  if (code == SQLITE_OK || code == SQLITE_IOERR_DELETE_NOENT) return {};
  return sqlite_error(code, nullptr, "removing a file");
}

Result<std::uint64_t> File::size() {
  sqlite3_int64 size = 0;
  const int code = handle_->methods().xFileSize(handle_->file(), &size);
  if (code != SQLITE_OK) return sqlite_error(code, nullptr, "a file's size");
  if (size == 0) {
    // SQLite's unix VFS gives the size of a file of one byte as 0.
    std::uint8_t first = 0;
    const auto read = this->read(0, {&first, 1});
    if (read.ok()) return std::uint64_t{1};
    if (read.error().code != ErrorCode::CORRUPT) return read.error();
  }
  return static_cast<std::uint64_t>(size);
}

Status File::read(std::uint64_t offset, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const auto part = out.first(std::min(out.size(), most_at_once));
    const int code = handle_->methods().xRead(handle_->file(), part.data(), static_cast<int>(part.size()),
                                              static_cast<sqlite3_int64>(offset));
    if (code == SQLITE_IOERR_SHORT_READ) return Error(ErrorCode::CORRUPT, "a file ends too early");
    if (code != SQLITE_OK) return sqlite_error(code, nullptr, "reading a file");
    offset += part.size();
    out = out.subspan(part.size());
  }
  return {};
}

Status File::write(std::uint64_t offset, ByteView data) {
  while (!data.empty()) {
    const auto part = data.first(std::min(data.size(), most_at_once));
    const int code = handle_->methods().xWrite(handle_->file(), part.data(), static_cast<int>(part.size()),
                                               static_cast<sqlite3_int64>(offset));
    if (code != SQLITE_OK) return sqlite_error(code, nullptr, "writing a file");
    offset += part.size();
    data = data.subspan(part.size());
  }
  return {};
}

Status File::sync() {
  const int code = handle_->methods().xSync(handle_->file(), SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return sqlite_error(code, nullptr, "syncing a file");
  return {};
}

}  // namespace sotto::store
