#include "relay/backend/sqlite_backend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/test_hooks.h"
#include "base/try.h"
#include "relay/backend/sqlite_blob_store.h"
#include "relay/backend/sqlite_store.h"
#include "relay/files.h"

namespace sotto::relay {

namespace {

/// A rewrite of this much takes some tens of milliseconds at most.
constexpr std::uint64_t rewrite_while_running = 4 * 1024 * 1024;
/// Nobody waits for a message while the relay closes.
constexpr std::uint64_t rewrite_at_close = 64 * 1024 * 1024;

/// 16 MiB: a page that many commits change is then copied once for all of them.
constexpr int checkpoint_pages = 4096;

/// Less is soon gone.
constexpr off_t room_needed = 1024 * 1024;

Status has_room(const std::string& folder) {
  std::string path = folder + "/.room-XXXXXX";
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  int why = fd < 0 ? errno : 0;
  if (fd >= 0) {
    ::unlink(path.c_str());
    why = ::posix_fallocate(fd, 0, room_needed);
    ::close(fd);
  }
  return why == 0 ? Status() : Status(file_error(folder, why));
}

}  // namespace

SqliteBackend::SqliteBackend(std::shared_ptr<SqliteStore> store, std::shared_ptr<SqliteBlobStore> blobs,
                             const std::function<void()>& on_ready)
    : QueuedBackend(store, blobs, on_ready), store_(std::move(store)), blobs_(std::move(blobs)) {
  run_ended();
}

void SqliteBackend::run_ended() {
  totals_ = store_->totals();
  commits_ = store_->commits();
}

Result<std::unique_ptr<SqliteBackend>> SqliteBackend::open(const std::string& data_dir, Random& random,
                                                           const SqliteOptions& options) {
  if (data_dir.empty()) return Error(ErrorCode::INVALID_ARGUMENT, "no data_dir");
  const bool own_folder = options.sharing == store::Sharing::lease;
  if (own_folder && ::mkdir(data_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error(ErrorCode::IO_ERROR, "cannot make " + data_dir + ": " + std::strerror(errno));
  }
  store::OpenOptions file;
  file.synchronous = SOTTO_PLANTED(success_before_sync) ? store::Synchronous::normal : options.synchronous;
  file.sharing = options.sharing;
  file.busy_timeout = options.busy_timeout;
  file.cache_kib = 16 * 1024;
  file.checkpoint_pages = checkpoint_pages;
  file.vfs = options.vfs;
  SOTTO_TRY_ASSIGN(auto db, store::Database::open(data_dir + "/relay.db", file));
  SOTTO_TRY_ASSIGN(auto tables, SqliteStore::open(std::move(db), random, options.restored, options.young_segments));
  SqliteBlobStore::Options blob_options;
  blob_options.synchronous = file.synchronous;
  blob_options.busy_timeout = file.busy_timeout;
  blob_options.vfs = file.vfs;
  blob_options.make_folder = own_folder;
  SOTTO_TRY_ASSIGN(auto blobs, SqliteBlobStore::open(data_dir, blob_options));
  std::unique_ptr<SqliteBackend> out(new SqliteBackend(std::move(tables), std::move(blobs), options.on_ready));
  if (own_folder && options.vfs.empty()) out->folder_ = data_dir;
  return out;
}

SqliteBackend::~SqliteBackend() {
  end_threads();
  if (checkpoint_due()) static_cast<void>(store_->clean_up(rewrite_at_close));
}

Status SqliteBackend::checkpoint() {
  if (completing()) return Error(ErrorCode::INVALID_ARGUMENT, "not inside a completion");
  wait();
  if (!checkpoint_due()) return {};
  return store_->clean_up(rewrite_while_running);
}

bool SqliteBackend::checkpoint_due() const { return store_->wal_size() > 0 || store_->untidy(); }

StoreTotals SqliteBackend::totals() const {
  auto out = totals_;
  out.blobs = blobs_->count();
  out.blob_bytes = blobs_->bytes();
  return out;
}

Status SqliteBackend::probe() {
  if (completing()) return Error(ErrorCode::INVALID_ARGUMENT, "not inside a completion");
  wait();
  if (!folder_.empty()) SOTTO_TRY(has_room(folder_));
  const auto done = store_->probe();
  run_ended();
  return done;
}

std::uint64_t SqliteBackend::wal_size() const { return store_->wal_size(); }

}  // namespace sotto::relay
