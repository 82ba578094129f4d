#include "relay/backup.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/try.h"
#include "relay/backend/sqlite_backend.h"
#include "relay/backend/sqlite_blob_copy.h"
#include "relay/backend/sqlite_schema.h"
#include "relay/files.h"

namespace sotto::relay {

namespace {

namespace fs = std::filesystem;

constexpr char store_name[] = "relay.db";

/// Where the attachments of a backup are: beside its file.
fs::path attachments_of(fs::path backup) { return backup += ".attachments"; }

Status make_folder(const fs::path& folder) {
  return ::mkdir(folder.c_str(), 0700) == 0 ? Status() : Status(file_error(folder, errno));
}

Status move(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return file_error(to, errno);
  return sync_path(to.parent_path());
}

/// A relay's store, of this version or an older one.
Result<std::unique_ptr<store::Database>> open_store(const std::string& path) {
  SOTTO_TRY_ASSIGN(auto db, store::Database::open_existing(path, {}));
  SOTTO_TRY(check_schema(*db, path, sqlite_migrations(), sqlite_application_id));
  return db;
}

/// "relay-20260102T030405Z.db"
std::string name_of(Timestamp now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char name[64] = {};
  std::strftime(name, sizeof name, "relay-%Y%m%dT%H%M%SZ.db", &utc);
  return name;
}

/// A file or folder, gone with its content unless it was moved away.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

 private:
  fs::path path_;
};

}  // namespace

Result<std::string> back_up(const std::string& data_dir, const std::string& to, RelayBackup what, Timestamp now) {
  if (data_dir.empty() || to.empty()) return Error(ErrorCode::INVALID_ARGUMENT, "a folder and a file are needed");
  std::error_code error;
  const fs::path target = fs::is_directory(to, error) ? fs::path(to) / name_of(now) : fs::path(to);
  for (const auto& one : {target, attachments_of(target)}) {
    if (fs::exists(one, error)) return Error(ErrorCode::ALREADY_EXISTS, one.string() + " is there already");
  }
  SOTTO_TRY_ASSIGN(const auto db, open_store(fs::path(data_dir) / store_name));
  fs::path part = target;
  part += ".part";
  fs::remove(part, error);
  const Temporary temporary(part);
  SOTTO_TRY(db->copy_to(part));
  if (what == RelayBackup::with_attachments) {
    // After the messages, of which each came after its attachments.
    const fs::path files = attachments_of(part);
    fs::remove_all(files, error);
    SOTTO_TRY(make_folder(files));
    const Temporary temporary_files(files);
    SOTTO_TRY(copy_blobs(data_dir, files));
    SOTTO_TRY(sync_path(files));
    SOTTO_TRY(move(files, attachments_of(target)));
  }
  SOTTO_TRY(move(part, target));
  return target.string();
}

Status restore(const std::string& from, const std::string& data_dir, Random& random) {
  if (from.empty() || data_dir.empty()) return Error(ErrorCode::INVALID_ARGUMENT, "a file and a folder are needed");
  fs::path folder = fs::path(data_dir).lexically_normal();
  if (folder.filename().empty()) folder = folder.parent_path();
  std::error_code error;
  if (fs::exists(folder, error) && !(fs::is_directory(folder, error) && fs::is_empty(folder, error))) {
    return Error(ErrorCode::ALREADY_EXISTS, data_dir + " is not an empty folder");
  }
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  SOTTO_TRY_ASSIGN(const auto backup, open_store(from));
  SOTTO_TRY(backup->check_structure());

  // Made beside the folder and put in its place in one step, so that no half of it, and no old incarnation, is served.
  fs::path making = folder;
  making += ".restoring";
  fs::remove_all(making, error);
  SOTTO_TRY(make_folder(making));
  const Temporary temporary(making);
  SOTTO_TRY(backup->copy_to(making / store_name));
  SOTTO_TRY(copy_blobs(attachments_of(from), making));
  SqliteOptions options;
  options.restored = true;
  {
    SOTTO_TRY_ASSIGN(const auto store, SqliteBackend::open(making, random, options));
    SOTTO_TRY(store->checkpoint());
  }
  SOTTO_TRY(sync_path(making));
  return move(making, folder);
}

}  // namespace sotto::relay
