// Checkpoints and free space.
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "store/database.h"
#include "store/sqlite_error.h"

namespace sotto::store {

Result<CheckpointResult> Database::checkpoint(Checkpoint kind, std::chrono::milliseconds patience) {
  CheckpointResult result;
  sqlite3_busy_timeout(handle_, static_cast<int>(patience.count()));
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, nullptr, kind == Checkpoint::truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &result.wal_frames, &result.copied_frames);
  // Built before the timeout is restored: that call would replace the message.
  Error error = code == SQLITE_OK ? Error{} : sqlite_error(code, handle_, "checkpoint");
  sqlite3_busy_timeout(handle_, static_cast<int>(options_.busy_timeout.count()));
  // Both counts are -1 when there is no WAL (in memory).
  if (result.wal_frames < 0) result.wal_frames = result.copied_frames = 0;
  if (code == SQLITE_OK) {
    result.complete = result.wal_frames == result.copied_frames;
    return result;
  }
  if ((code & 0xff) == SQLITE_BUSY) return result;
  return error;
}

Status Database::copy_to(const std::string& path) {
  // Made here, so that its mode is 0600 whatever the umask; SQLite takes an empty file.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const auto failed = [&path](int why) {
    const ErrorCode code = why == EEXIST   ? ErrorCode::ALREADY_EXISTS
                           : why == ENOSPC ? ErrorCode::DISK_FULL
                                           : ErrorCode::IO_ERROR;
    return Error(code, path + ": " + std::generic_category().message(why));
  };
  if (fd < 0) return failed(errno);
  Status done = run("VACUUM INTO ?", path);
  if (done.ok() && ::fsync(fd) != 0) done = failed(errno);
  ::close(fd);
  if (!done.ok()) ::unlink(path.c_str());
  return done;
}

Status Database::check_structure() {
  SOTTO_TRY_ASSIGN(const auto finding, one<std::string>("PRAGMA quick_check(1)"));
  const std::string text = finding.value_or("nothing to check");
  if (text == "ok") return {};
  return Error(ErrorCode::CORRUPT, "SQLite's check found: " + text);
}

std::uint64_t Database::wal_size() const {
  // Asked of the VFS, not of the file system, so that it is true under any VFS.
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK) return 0;
  if (file == nullptr || file->pMethods == nullptr) return 0;
  sqlite3_int64 size = 0;
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK || size < 0) return 0;
  return static_cast<std::uint64_t>(size);
}

Result<std::int64_t> Database::free_pages() {
  SOTTO_TRY_ASSIGN(const auto count, one<std::int64_t>("PRAGMA freelist_count"));
  return count.value_or(0);
}

Status Database::release_free_pages(std::int64_t max_pages) {
  if (max_pages <= 0) return {};
  return execute_script("PRAGMA incremental_vacuum(" + std::to_string(max_pages) + ")");
}

}  // namespace sotto::store
