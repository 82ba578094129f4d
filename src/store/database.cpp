#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/random.h"
#include "store/sqlite_error.h"

namespace sotto::store {
namespace {

/// Statements kept prepared. SQL texts are constants of the program, of which there are fewer; whoever builds texts
/// at run time gets them prepared anew each time once it is full.
constexpr std::size_t max_cached_statements = 512;

/// A name for the VFS "memdb", whose databases the connections of one process share by name.
std::string memory_name() {
  SystemRandom random;
  std::array<std::uint8_t, 16> unique{};
  random.fill(unique);
  return "file:/sotto-" + to_hex(unique) + "?vfs=memdb";
}

bool is_memory_name(std::string_view name) { return name.starts_with("file:/sotto-"); }

/// The file is made here so that its mode is 0600 whatever the umask; SQLite gives WAL and shm the same.
void create_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);  // sqlite3_open tells of what is wrong
}

bool file_exists(const std::string& path, const std::string& vfs_name) {
  if (vfs_name.empty()) return ::access(path.c_str(), F_OK) == 0;
  auto* vfs = sqlite3_vfs_find(vfs_name.c_str());
  int there = 0;
  return vfs != nullptr && vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK && there != 0;
}

}  // namespace

Database::Database(sqlite3* handle, std::string name, OpenOptions options)
    : handle_(handle), name_(std::move(name)), options_(std::move(options)) {}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const OpenOptions& options) {
  if (path.empty() || path.find('\0') != std::string::npos) return ErrorCode::INVALID_ARGUMENT;
  const bool memory = path == ":memory:";
  std::optional<Lease> lease;
  if (!memory) {
    if (options.sharing == Sharing::lease) {
      SOTTO_TRY_ASSIGN(lease, Lease::acquire(path));
    }
    if (options.vfs.empty()) create_private_file(path);
  }
  // Debian's SQLite reads "file:" names as URIs whether asked to or not.
  const std::string name = memory ? memory_name() : path.starts_with("file:") ? "./" + path : path;
  SOTTO_TRY_ASSIGN(auto db, connect(name, options, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  db->lease_ = std::move(lease);
  SOTTO_TRY(db->configure_writer());
  return db;
}

Result<std::unique_ptr<Database>> Database::open_existing(const std::string& path, const OpenOptions& options) {
  if (path.empty() || path.find('\0') != std::string::npos) return ErrorCode::INVALID_ARGUMENT;
  if (!file_exists(path, options.vfs)) return Error(ErrorCode::NOT_FOUND, "there is no file " + path);
  SOTTO_TRY_ASSIGN(auto db, connect(path.starts_with("file:") ? "./" + path : path, options, SQLITE_OPEN_READONLY));
  // Reads page 1, so that a file that is no database is found here.
  SOTTO_TRY(db->run("SELECT count(*) FROM sqlite_schema"));
  return db;
}

Result<std::unique_ptr<Database>> Database::open_reader() const {
  // SQLite opens a memdb only for writing; query_only does the rest.
  const int flags = is_memory_name(name_) ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  SOTTO_TRY_ASSIGN(auto db, connect(name_, options_, flags));
  SOTTO_TRY(db->execute_script("PRAGMA query_only=ON"));
  return db;
}

Result<std::unique_ptr<Database>> Database::connect(const std::string& name, const OpenOptions& options, int flags) {
  const bool memory = is_memory_name(name);
  std::unique_ptr<Database> db(new Database(nullptr, name, options));
  const int code =
      sqlite3_open_v2(name.c_str(), &db->handle_, flags | SQLITE_OPEN_NOMUTEX | (memory ? SQLITE_OPEN_URI : 0),
                      memory || options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) return sqlite_error(code, db->handle_, "open");
  SOTTO_TRY(db->configure_common());
  return db;
}

Status Database::configure_common() {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, static_cast<int>(options_.busy_timeout.count()));
  for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_DQS_DML, 0},
                                      {SQLITE_DBCONFIG_DQS_DDL, 0}}) {
    const int code = sqlite3_db_config(handle_, option, value, nullptr);
    if (code != SQLITE_OK) return sqlite_error(code, handle_, "configure");
  }
  return execute_script(
      "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
      "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-" +
      std::to_string(options_.cache_kib));
}

Status Database::configure_writer() {
  // page_size and auto_vacuum take effect only before the file's first page is written, which WAL does.
  SOTTO_TRY(
      execute_script("PRAGMA page_size=" + std::to_string(options_.page_size) + "; PRAGMA auto_vacuum=INCREMENTAL"));
  if (!is_memory_name(name_)) {
    // The row comes before the commit; a failure of that is seen only by running the command to its end.
    SOTTO_TRY(execute_script("PRAGMA journal_mode=WAL"));
    SOTTO_TRY_ASSIGN(const auto mode, one<std::string>("PRAGMA journal_mode"));
    if (mode != "wal") return Error(ErrorCode::UNSUPPORTED, "the file system or VFS cannot do WAL");
  }
  SOTTO_TRY(execute_script("PRAGMA wal_autocheckpoint=" + std::to_string(options_.checkpoint_pages)));
  const bool full = options_.synchronous == Synchronous::full;
  // fullfsync matters on Apple's systems, where fsync alone leaves data in the drive's cache.
  SOTTO_TRY(execute_script(full ? "PRAGMA synchronous=FULL; PRAGMA fullfsync=ON; PRAGMA checkpoint_fullfsync=ON"
                                : "PRAGMA synchronous=NORMAL"));
  // Reads page 1, so that a file that is no database is found here.
  return run("SELECT count(*) FROM sqlite_schema");
}

Database::~Database() {
  for (auto& [sql, cached] : cache_) sqlite3_finalize(cached.statement);
  sqlite3_close_v2(handle_);
}

Result<Statement> Database::lend(std::string_view sql) {
  SOTTO_TRY(usable());
  const auto found = cache_.find(sql);
  if (found != cache_.end() && !found->second.lent) {
    found->second.lent = true;
    return Statement(*this, found->second.statement, &found->second);
  }
  const bool keep = found == cache_.end() && cache_.size() < max_cached_statements;
  if (sql.size() > 1'000'000) return Error(ErrorCode::INVALID_ARGUMENT, "SQL text too long");
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      keep ? SQLITE_PREPARE_PERSISTENT : 0U, &statement, &tail);
  if (code != SQLITE_OK) {
    Error error = sqlite_error(code, handle_, "prepare");
    note_failure(error);
    return error;
  }
  const std::string_view rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  if (statement == nullptr || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    sqlite3_finalize(statement);
    return Error(ErrorCode::INVALID_ARGUMENT, "not exactly one SQL command");
  }
  if (!keep) return Statement(*this, statement, nullptr);
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owned(statement, sqlite3_finalize);
  auto& cached = cache_.emplace(std::string(sql), CachedStatement{statement, true}).first->second;
  return Statement(*this, owned.release(), &cached);
}

Status Database::execute_script(std::string_view sql) {
  SOTTO_TRY(usable());
  const std::string text(sql);
  const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  Error error = sqlite_error(code, handle_, "script");
  note_failure(error);
  return error;
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Status Database::usable() const {
  if (transaction_lost_) return *transaction_lost_;
  return {};
}

void Database::lose_transaction(int code) noexcept {
  if (!transaction_open_ || transaction_lost_) return;
  try {
    transaction_lost_ = sqlite_error(code, handle_, "undo");
  } catch (const std::bad_alloc&) {
    // An empty text needs none.
    transaction_lost_.emplace(ErrorCode::OUT_OF_MEMORY, std::string());
  }
}

void Database::note_failure(const Error& error) {
  if (transaction_open_ && !in_transaction() && !transaction_lost_) transaction_lost_ = error;
}

}  // namespace sotto::store
