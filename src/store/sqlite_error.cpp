#include "store/sqlite_error.h"

#include <sqlite3.h>

#include <string>

namespace sotto::store {
namespace {

ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return ErrorCode::ALREADY_EXISTS;
    case SQLITE_IOERR_CORRUPTFS:
      return ErrorCode::CORRUPT;
    case SQLITE_IOERR_NOMEM:
      return ErrorCode::OUT_OF_MEMORY;
    default:
      break;
  }
  switch (sqlite_code & 0xff) {  // the primary code of an extended one
    case SQLITE_FULL:
      return ErrorCode::DISK_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::IN_USE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::IO_ERROR;
    case SQLITE_NOMEM:
      return ErrorCode::OUT_OF_MEMORY;
    case SQLITE_TOOBIG:
      return ErrorCode::LIMIT_EXCEEDED;
    case SQLITE_INTERRUPT:
      return ErrorCode::CANCELLED;
    default:
      return ErrorCode::INTERNAL;
  }
}

}  // namespace

Error sqlite_error(int code, sqlite3* db, std::string_view doing) {
  std::string message = "SQLite, ";
  message += doing;
  message += ": ";
  message += db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  message += " (" + std::to_string(code) + ")";
  return {code_of(code), std::move(message)};
}

}  // namespace sotto::store
