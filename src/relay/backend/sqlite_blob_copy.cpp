#include "relay/backend/sqlite_blob_copy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/try.h"
#include "relay/backend/sqlite_blob_store.h"
#include "relay/backend/sqlite_schema.h"
#include "relay/files.h"

namespace sotto::relay {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t rows_at_once = 1000;

struct Row {
  std::int64_t file = 0;
  std::uint64_t size = 0;
};

/// False if it is not there, or not whole.
Result<bool> bring(const fs::path& from, const fs::path& to, std::uint64_t size) {
  if (::link(from.c_str(), to.c_str()) != 0) {
    if (errno == ENOENT) return false;
    std::error_code error;
    if (!fs::copy_file(from, to, error)) {
      if (error == std::errc::no_such_file_or_directory) return false;
      return file_error(to, error.value());
    }
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
    SOTTO_TRY(sync_path(to));
  }
  std::error_code error;
  if (fs::file_size(to, error) >= size && !error) return true;
  fs::remove(to, error);
  return false;
}

Result<std::vector<Row>> rows_after(store::Database& db, std::int64_t file) {
  std::vector<Row> out;
  SOTTO_TRY(db.query("SELECT file, size FROM blob WHERE file > ? ORDER BY file LIMIT ?", file, rows_at_once,
                     [&](const store::Row& row) {
                       out.push_back({row.integer(0), row.get<std::uint64_t>(1)});
                     }));
  return out;
}

}  // namespace

Status copy_blobs(const std::string& from_dir, const std::string& to_dir) {
  const fs::path from = fs::path(from_dir) / "blobs.db";
  const fs::path to = fs::path(to_dir) / "blobs.db";
  const fs::path files = fs::path(to_dir) / "blobs";
  {
    auto source = store::Database::open_existing(from, {});
    if (source.code() == ErrorCode::NOT_FOUND) return {};
    if (!source.ok()) return source.error();
    SOTTO_TRY(check_schema(**source, from, sqlite_blob_migrations(), sqlite_blob_application_id));
    SOTTO_TRY((*source)->copy_to(to));
  }
  if (::mkdir(files.c_str(), 0700) != 0) return file_error(files, errno);
  SOTTO_TRY_ASSIGN(const auto db, store::Database::open(to, {}));
  SOTTO_TRY(db->run("DELETE FROM blob WHERE received < size"));
  SOTTO_TRY(db->run("DELETE FROM blob_trash"));
  for (std::int64_t last = 0;;) {
    SOTTO_TRY_ASSIGN(const auto rows, rows_after(*db, last));
    if (rows.empty()) break;
    for (const auto& row : rows) {
      const auto name = std::to_string(row.file);
      SOTTO_TRY_ASSIGN(const bool brought, bring(fs::path(from_dir) / "blobs" / name, files / name, row.size));
      if (!brought) SOTTO_TRY(db->run("DELETE FROM blob WHERE file = ?", row.file));
    }
    last = rows.back().file;
  }
  SOTTO_TRY(sync_path(files));
  // One file, which can be read from a folder that cannot be written.
  SOTTO_TRY(db->one<std::string>("PRAGMA journal_mode = DELETE"));
  return {};
}

}  // namespace sotto::relay
