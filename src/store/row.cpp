#include "store/row.h"

#include <sqlite3.h>

namespace sotto::store {

int Row::columns() const { return sqlite3_column_count(stmt_); }

bool Row::is_null(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }

std::int64_t Row::integer(int column) const {
  if (sqlite3_column_type(stmt_, column) != SQLITE_INTEGER) {
    fail(column, "not an integer");
    return 0;
  }
  return sqlite3_column_int64(stmt_, column);
}

double Row::real(int column) const {
  const int type = sqlite3_column_type(stmt_, column);
  if (type != SQLITE_FLOAT && type != SQLITE_INTEGER) {
    fail(column, "not a number");
    return 0;
  }
  return sqlite3_column_double(stmt_, column);
}

ByteView Row::blob_view(int column) const {
  const int type = sqlite3_column_type(stmt_, column);
  if (type != SQLITE_BLOB && type != SQLITE_TEXT) {
    fail(column, "not a blob");
    return {};
  }
  // The order of these two calls is the documented one: the pointer first, then its length.
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(stmt_, column));
  const int size = sqlite3_column_bytes(stmt_, column);
  if (data == nullptr || size <= 0) return {};
  return {data, static_cast<std::size_t>(size)};
}

std::string_view Row::text_view(int column) const { return as_text(blob_view(column)); }

void Row::fail(int column, std::string_view what) const {
  if (error_) return;
  std::string message = "column ";
  const char* name = sqlite3_column_name(stmt_, column);
  message += name != nullptr ? std::string(name) : std::to_string(column);
  message += ": ";
  message += what;
  error_.emplace(ErrorCode::CORRUPT, std::move(message));
}

}  // namespace sotto::store
