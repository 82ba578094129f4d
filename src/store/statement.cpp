#include "store/statement.h"

#include <sqlite3.h>

#include "store/database.h"
#include "store/sqlite_error.h"

namespace sotto::store {

Statement::Statement(Database& db, sqlite3_stmt* statement, CachedStatement* cached)
    : Row(statement), db_(&db), cached_(cached) {}

Statement::Statement(Statement&& other) noexcept
    : Row(std::move(other)), db_(other.db_), cached_(std::exchange(other.cached_, nullptr)) {
  other.stmt_ = nullptr;
}

Statement::~Statement() {
  if (stmt_ == nullptr) return;
  if (cached_ == nullptr) {
    sqlite3_finalize(stmt_);
    return;
  }
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
  cached_->lent = false;
}

Result<bool> Statement::step() {
  if (error_) return *error_;
  SOTTO_TRY(db_->usable());
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  error_ = sqlite_error(code, db_->handle(), "step");
  sqlite3_reset(stmt_);
  db_->note_failure(*error_);
  return *error_;
}

Status Statement::run() {
  for (;;) {
    SOTTO_TRY_ASSIGN(const bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(stmt_);
  error_.reset();
}

void Statement::bind_null(int index) { check_bind(sqlite3_bind_null(stmt_, index)); }

void Statement::bind_integer(int index, std::int64_t value) { check_bind(sqlite3_bind_int64(stmt_, index, value)); }

void Statement::bind_real(int index, double value) { check_bind(sqlite3_bind_double(stmt_, index, value)); }

void Statement::bind_text(int index, std::string_view value, Lifetime lifetime) {
  // A null pointer would bind NULL; an empty text is not NULL.
  const char* data = value.data() != nullptr ? value.data() : "";
  check_bind(sqlite3_bind_text64(stmt_, index, data, value.size(),
                                 lifetime == Lifetime::borrowed ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind_blob(int index, ByteView value, Lifetime lifetime) {
  if (value.empty()) {
    check_bind(sqlite3_bind_zeroblob(stmt_, index, 0));
    return;
  }
  check_bind(sqlite3_bind_blob64(stmt_, index, value.data(), value.size(),
                                 lifetime == Lifetime::borrowed ? SQLITE_STATIC : SQLITE_TRANSIENT));
}

void Statement::bind_failed(int index, std::string_view what) {
  if (error_) return;
  error_.emplace(ErrorCode::INVALID_ARGUMENT, "parameter " + std::to_string(index) + ": " + std::string(what));
}

void Statement::check_bind(int code) {
  if (code != SQLITE_OK && !error_) error_ = sqlite_error(code, db_->handle(), "bind");
}

}  // namespace sotto::store
