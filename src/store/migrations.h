// Brings the schema of a file up to this program's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "store/database.h"

namespace sotto::store {

/// One step of a schema. Written once, never edited after a release.
struct Migration {
  int version;
  std::string_view sql;
};

/// Applies the migrations above the file's version (PRAGMA user_version), each in a transaction of its own; a failing
/// one leaves the version before it. Versions must ascend from at least 1, `application_id` must not be 0.
/// NEWER_SCHEMA if the file's version is above the last migration's; CORRUPT if the file is of another application.
Status migrate(Database& db, std::span<const Migration> migrations, std::int32_t application_id);

/// The file's version; 0 for a new one.
Result<int> schema_version(Database& db);

}  // namespace sotto::store
