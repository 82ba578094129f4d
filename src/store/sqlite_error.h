// How an SQLite result becomes an Error; inside store/ only.
#pragma once

#include <string_view>

#include "sotto/error.h"

struct sqlite3;

namespace sotto::store {

/// The error for an (extended) result code. `doing` says what was attempted; the text comes from `db` if there is one.
/// SQLite's texts name tables and columns, never values.
Error sqlite_error(int code, sqlite3* db, std::string_view doing);

}  // namespace sotto::store
