#include "relay/backend/sqlite_blob_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/try.h"
#include "store/migrations.h"

namespace sotto::relay {

namespace {

constexpr std::string_view blobs_version_1 = R"sql(
CREATE TABLE blob(
  file INTEGER PRIMARY KEY AUTOINCREMENT,  -- the name of its file; never used again
  id BLOB NOT NULL UNIQUE,
  owner BLOB NOT NULL,                     -- whose quota it counts against
  size INTEGER NOT NULL,
  hash BLOB NOT NULL,                      -- SHA-256 that was announced
  received INTEGER NOT NULL,               -- bytes of the file that are synced
  hash_state BLOB NOT NULL,                -- SHA-256 of these, to go on with
  meta BLOB NOT NULL,
  revision INTEGER NOT NULL,
  expires_at INTEGER NOT NULL              -- milliseconds since 1970
) STRICT;
CREATE INDEX blob_owner ON blob(owner, size);
CREATE INDEX blob_expires ON blob(expires_at, id);

CREATE TABLE blob_trash(
  file INTEGER PRIMARY KEY                 -- a file whose row is gone
) STRICT;
)sql";

constexpr std::array<store::Migration, 1> blob_migrations{{{1, blobs_version_1}}};

/// How much of an upload a crash may cost.
constexpr std::uint64_t save_bytes = 1024 * 1024;
constexpr std::size_t most_uploads = 256;
constexpr std::size_t most_readers = 256;
constexpr std::size_t removals_a_turn = 256;

}  // namespace

std::span<const store::Migration> sqlite_blob_migrations() { return blob_migrations; }

Result<std::shared_ptr<SqliteBlobStore>> SqliteBlobStore::open(const std::string& data_dir, const Options& options) {
  const std::string folder = data_dir + "/blobs";
  if (options.make_folder && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error(ErrorCode::IO_ERROR, "cannot make " + folder + ": " + std::strerror(errno));
  }
  store::OpenOptions file;
  file.synchronous = options.synchronous;
  file.busy_timeout = options.busy_timeout;
  file.vfs = options.vfs;
  SOTTO_TRY_ASSIGN(auto db, store::Database::open(data_dir + "/blobs.db", file));
  SOTTO_TRY(store::migrate(*db, blob_migrations, sqlite_blob_application_id));
  std::shared_ptr<SqliteBlobStore> out(new SqliteBlobStore(std::move(db), folder, options.vfs));
  SOTTO_TRY(out->count_all());
  return out;
}

Status SqliteBlobStore::count_all() {
  SOTTO_TRY_ASSIGN(const auto all,
                   (db_->one<std::uint64_t, std::uint64_t>("SELECT count(*), coalesce(sum(size), 0) FROM blob")));
  if (!all) return {};
  count_ = std::get<0>(*all);
  bytes_ = std::get<1>(*all);
  return {};
}

SqliteBlobStore::~SqliteBlobStore() {
  // A clean end costs an upload nothing; if it fails, what a crash costs.
  if (uploads_.empty() || !begin(uploads_.size()).ok()) return;
  for (const auto& [blob, upload] : uploads_) {
    if (!save(upload.row).ok()) return;
    saving_[blob] = upload.row.state.received;
  }
  static_cast<void>(commit());
}

// ---- Runs

Status SqliteBlobStore::begin(std::size_t writes) {
  SOTTO_TRY_ASSIGN(auto transaction, store::Transaction::begin(*db_, writes > 0 ? store::TransactionKind::write
                                                                                : store::TransactionKind::read));
  transaction_.emplace(std::move(transaction));
  writing_ = writes > 0;
  added_ = added_bytes_ = 0;
  ++clock_;
  return {};
}

Status SqliteBlobStore::commit() {
  if (!transaction_) return Error(ErrorCode::INTERNAL, "no run was begun");
  Status done;
  for (const auto& [blob, received] : saving_) {
    const auto upload = uploads_.find(blob);
    if (done.ok() && upload != uploads_.end()) done = upload->second.file.sync();
  }
  if (done.ok()) done = transaction_->commit();
  if (!done.ok()) {
    roll_back();
    return done;
  }
  transaction_.reset();
  for (const auto& [blob, received] : std::exchange(saving_, {})) {
    const auto upload = uploads_.find(blob);
    if (upload == uploads_.end()) continue;
    upload->second.saved = received;
    if (upload->second.row.state.finished()) uploads_.erase(upload);
  }
  count_ += static_cast<std::uint64_t>(added_);
  bytes_ += static_cast<std::uint64_t>(added_bytes_);
  forget_idle();
  if (trash_ && empty_trash().ok()) trash_ = false;  // else with the next run
  return {};
}

void SqliteBlobStore::roll_back() {
  transaction_.reset();
  if (!writing_) return;
  saving_.clear();
  // What they had received may be part of what was undone. Their senders ask where to go on.
  uploads_.clear();
}

Status SqliteBlobStore::empty_trash() {
  for (;;) {
    std::vector<std::int64_t> files;
    SOTTO_TRY(db_->query("SELECT file FROM blob_trash ORDER BY file LIMIT ?", removals_a_turn,
                         [&](const store::Row& row) { files.push_back(row.get<std::int64_t>(0)); }));
    if (files.empty()) return {};
    for (const auto file : files) SOTTO_TRY(store::File::remove(path_of(file), vfs_));
    SOTTO_TRY_ASSIGN(auto transaction, store::Transaction::begin(*db_));
    for (const auto file : files) SOTTO_TRY(db_->run("DELETE FROM blob_trash WHERE file = ?", file));
    SOTTO_TRY(transaction.commit());
    // What is gone is gone from the WAL, too; a reader that holds it back only delays that.
    SOTTO_TRY(db_->checkpoint(store::Checkpoint::truncate));
  }
}

void SqliteBlobStore::forget_idle() {
  if (uploads_.size() > most_uploads) {
    // What of them is not saved is sent again, should they go on.
    std::erase_if(uploads_, [&](const auto& item) { return item.second.used + most_uploads < clock_; });
  }
  while (readers_.size() > most_readers) {
    readers_.erase(std::ranges::min_element(readers_, {}, [](const auto& item) { return item.second.used; }));
  }
}

// ---- Rows

Result<std::optional<SqliteBlobStore::Row>> SqliteBlobStore::find(const BlobId& blob) {
  if (const auto upload = uploads_.find(blob); upload != uploads_.end()) return std::optional(upload->second.row);
  SOTTO_TRY_ASSIGN(const auto found,
                   (db_->one<std::int64_t, crypto::Sha256Digest, crypto::Sha256::State, std::uint64_t, std::uint64_t,
                             std::uint64_t, std::uint64_t, Bytes>(
                       "SELECT file, hash, hash_state, size, received, revision, expires_at, meta FROM blob"
                       " WHERE id = ?",
                       blob)));
  std::optional<Row> out;
  if (!found) return out;
  auto& row = out.emplace();
  crypto::Sha256::State hashed;
  std::tie(row.file, row.hash, hashed, row.state.size, row.state.received, row.state.revision, row.state.expires_at,
           row.state.meta) = *found;
  row.hashed = crypto::Sha256(hashed);
  if (row.state.received > row.state.size) return Error(ErrorCode::CORRUPT, "a blob is larger than its size");
  return out;
}

Result<SqliteBlobStore::Upload*> SqliteBlobStore::upload_of(const BlobId& blob, Row row) {
  auto found = uploads_.find(blob);
  if (found == uploads_.end()) {
    SOTTO_TRY_ASSIGN(auto file, store::File::open(path_of(row.file), store::File::Mode::write, vfs_));
    const auto saved = row.state.received;
    found = uploads_.emplace(blob, Upload{std::move(row), saved, std::move(file), 0}).first;
  }
  found->second.used = clock_;
  return &found->second;
}

Status SqliteBlobStore::save(const Row& row) {
  return db_->run("UPDATE blob SET received = ?, hash_state = ?, expires_at = ? WHERE file = ?", row.state.received,
                  row.hashed.state(), row.state.expires_at, row.file);
}

Status SqliteBlobStore::remove(const BlobId& blob, std::int64_t file, std::uint64_t size) {
  uploads_.erase(blob);
  saving_.erase(blob);
  readers_.erase(file);
  lost_.erase(blob);
  SOTTO_TRY(db_->run("INSERT OR IGNORE INTO blob_trash(file) VALUES(?)", file));
  SOTTO_TRY(db_->run("DELETE FROM blob WHERE file = ?", file));
  trash_ = true;
  --added_;
  added_bytes_ -= static_cast<std::int64_t>(size);
  return {};
}

// ---- Calls

Result<BlobState> SqliteBlobStore::blob_begin(const BlobId& blob, const NewBlob& what) {
  SOTTO_TRY_ASSIGN(auto found, find(blob));
  if (found && lost_.contains(blob)) {
    SOTTO_TRY(remove(blob, found->file, found->state.size));
    found.reset();
  }
  if (found) {
    auto& row = *found;
    if (row.state.size != what.size || row.hash != what.hash) return ErrorCode::CONFLICT;
    if (what.expires_at > row.state.expires_at) {
      row.state.expires_at = what.expires_at;
      SOTTO_TRY(db_->run("UPDATE blob SET expires_at = ? WHERE file = ?", what.expires_at, row.file));
      if (const auto upload = uploads_.find(blob); upload != uploads_.end()) {
        upload->second.row.state.expires_at = what.expires_at;
      }
    }
    return std::move(row.state);
  }
  SOTTO_TRY_ASSIGN(const auto used,
                   db_->one<std::uint64_t>("SELECT coalesce(sum(size), 0) FROM blob WHERE owner = ?", what.owner));
  if (what.size > what.owner_bytes || used.value_or(0) > what.owner_bytes - what.size) {
    return ErrorCode::LIMIT_EXCEEDED;
  }
  BlobState out{what.size, 0, 1, what.expires_at, what.meta};
  SOTTO_TRY(db_->run(
      "INSERT INTO blob(id, owner, size, hash, received, hash_state, meta, revision, expires_at)"
      " VALUES(?, ?, ?, ?, 0, ?, ?, ?, ?)",
      blob, what.owner, what.size, what.hash, crypto::Sha256().state(), what.meta, out.revision, what.expires_at));
  ++added_;
  added_bytes_ += static_cast<std::int64_t>(what.size);
  return out;
}

Result<BlobState> SqliteBlobStore::blob_write(const BlobId& blob, std::uint64_t offset, ByteView data,
                                              std::uint64_t expires_at) {
  SOTTO_TRY_ASSIGN(auto found, find(blob));
  if (!found) return ErrorCode::NOT_FOUND;
  if (offset != found->state.received) return ErrorCode::CONFLICT;
  if (data.size() > found->state.size - found->state.received) return ErrorCode::TOO_LARGE;
  SOTTO_TRY_ASSIGN(auto* upload, upload_of(blob, std::move(*found)));
  auto& row = upload->row;
  SOTTO_TRY(upload->file.write(offset, data));
  row.hashed.update(data);
  row.state.received += data.size();
  row.state.expires_at = std::max(row.state.expires_at, expires_at);
  if (row.state.finished() && row.hashed.digest() != row.hash) {
    SOTTO_TRY(remove(blob, row.file, row.state.size));
    return ErrorCode::BAD_SIGNATURE;
  }
  if (row.state.finished() || row.state.received - upload->saved >= save_bytes) {
    SOTTO_TRY(save(row));
    saving_[blob] = row.state.received;
  }
  return row.state;
}

Result<std::optional<BlobState>> SqliteBlobStore::blob_state(const BlobId& blob) {
  SOTTO_TRY_ASSIGN(auto found, find(blob));
  std::optional<BlobState> out;
  if (found && !lost_.contains(blob)) out = std::move(found->state);
  return out;
}

Result<BlobState> SqliteBlobStore::blob_update(const BlobId& blob, std::uint64_t revision, ByteView meta,
                                               std::uint64_t expires_at) {
  SOTTO_TRY_ASSIGN(auto found, find(blob));
  if (!found || lost_.contains(blob)) return ErrorCode::NOT_FOUND;
  auto& state = found->state;
  if (state.revision != revision) return ErrorCode::CONFLICT;
  ++state.revision;
  state.meta = to_bytes(meta);
  state.expires_at = expires_at;
  SOTTO_TRY(db_->run("UPDATE blob SET meta = ?, revision = ?, expires_at = ? WHERE file = ?", meta, state.revision,
                     expires_at, found->file));
  if (const auto upload = uploads_.find(blob); upload != uploads_.end()) upload->second.row.state = state;
  return std::move(state);
}

Result<SqliteBlobStore::Reader*> SqliteBlobStore::reader_of(std::int64_t file) {
  auto found = readers_.find(file);
  if (found == readers_.end()) {
    SOTTO_TRY_ASSIGN(auto opened, store::File::open(path_of(file), store::File::Mode::read, vfs_));
    found = readers_.emplace(file, Reader{std::move(opened), 0}).first;
  }
  found->second.used = clock_;
  return &found->second;
}

Result<Bytes> SqliteBlobStore::read_file(std::int64_t file, std::uint64_t offset, std::size_t size) {
  SOTTO_TRY_ASSIGN(auto* reader, reader_of(file));
  Bytes out(size);
  SOTTO_TRY(reader->file.read(offset, out));
  return out;
}

Result<Bytes> SqliteBlobStore::blob_read(const BlobId& blob, std::uint64_t offset, std::size_t limit) {
  SOTTO_TRY_ASSIGN(const auto found, find(blob));
  if (!found || !found->state.finished() || lost_.contains(blob)) return ErrorCode::NOT_FOUND;
  if (offset >= found->state.size || limit == 0) return Bytes();
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(limit, found->state.size - offset));
  auto out = read_file(found->file, offset, size);
  if (out.code() != ErrorCode::NOT_FOUND && out.code() != ErrorCode::CORRUPT) return out;
  lost_.insert(blob);  // Its row goes when it is uploaded again, or with its time.
  return ErrorCode::NOT_FOUND;
}

Result<std::size_t> SqliteBlobStore::blob_expire(std::uint64_t now, std::size_t limit) {
  // An upload that goes on lives longer than its row says.
  for (const auto& [blob, upload] : uploads_) {
    SOTTO_TRY(db_->run("UPDATE blob SET expires_at = ? WHERE file = ?", upload.row.state.expires_at, upload.row.file));
  }
  struct Due {
    BlobId blob;
    std::int64_t file = 0;
    std::uint64_t size = 0;
  };
  std::vector<Due> due;
  SOTTO_TRY(db_->query("SELECT id, file, size FROM blob WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?", now,
                       limit, [&](const store::Row& row) {
                         due.push_back({row.get<BlobId>(0), row.get<std::int64_t>(1), row.get<std::uint64_t>(2)});
                       }));
  for (const auto& one : due) SOTTO_TRY(remove(one.blob, one.file, one.size));
  return due.size();
}

}  // namespace sotto::relay
