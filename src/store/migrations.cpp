#include "store/migrations.h"

#include "store/transaction.h"

namespace sotto::store {
namespace {

/// A file is ours if it carries our id, or nothing at all yet.
Status check_application(Database& db, std::int32_t application_id, int version) {
  SOTTO_TRY_ASSIGN(const auto found, db.one<std::int32_t>("PRAGMA application_id"));
  if (found == application_id) return {};
  SOTTO_TRY_ASSIGN(const auto objects, db.one<std::int64_t>("SELECT count(*) FROM sqlite_schema"));
  if (found == 0 && version == 0 && objects == 0) return {};
  return Error(ErrorCode::CORRUPT, "the file belongs to another application");
}

Status apply(Database& db, const Migration& migration, std::int32_t application_id) {
  SOTTO_TRY_ASSIGN(auto transaction, Transaction::begin(db));
  // Read again under the lock: another process may have migrated meanwhile.
  SOTTO_TRY_ASSIGN(const int version, schema_version(db));
  if (version >= migration.version) return {};
  SOTTO_TRY(db.execute_script(migration.sql));
  if (!db.in_transaction()) return Error(ErrorCode::INTERNAL, "a migration must not end its transaction");
  SOTTO_TRY(db.execute_script("PRAGMA application_id=" + std::to_string(application_id) +
                              "; PRAGMA user_version=" + std::to_string(migration.version)));
  return transaction.commit();
}

}  // namespace

Status migrate(Database& db, std::span<const Migration> migrations, std::int32_t application_id) {
  int last = 0;
  for (const auto& migration : migrations) {
    if (migration.version <= last) return Error(ErrorCode::INVALID_ARGUMENT, "migrations out of order");
    last = migration.version;
  }
  if (application_id == 0) return Error(ErrorCode::INVALID_ARGUMENT, "the application id is 0");
  SOTTO_TRY_ASSIGN(const int version, schema_version(db));
  SOTTO_TRY(check_application(db, application_id, version));
  if (version > last) return ErrorCode::NEWER_SCHEMA;
  for (const auto& migration : migrations) {
    if (migration.version > version) SOTTO_TRY(apply(db, migration, application_id));
  }
  return {};
}

Result<int> schema_version(Database& db) {
  SOTTO_TRY_ASSIGN(const auto version, db.one<int>("PRAGMA user_version"));
  return version.value_or(0);
}

}  // namespace sotto::store
