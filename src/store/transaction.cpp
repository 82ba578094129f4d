#include "store/transaction.h"

#include <sqlite3.h>

#include "store/sqlite_error.h"

namespace sotto::store {

Result<Transaction> Transaction::begin(Database& db, TransactionKind kind) {
  if (db.in_transaction()) {
    if (db.transaction_open_) return Error(ErrorCode::INTERNAL, "a transaction is open already");
    SOTTO_TRY(db.run("ROLLBACK"));  // There was not enough memory for it before.
  }
  SOTTO_TRY(db.run(kind == TransactionKind::write ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED"));
  db.transaction_open_ = true;
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) roll_back();
}

void Transaction::roll_back() {
  Database& db = *std::exchange(db_, nullptr);
  db.transaction_lost_.reset();
  db.transaction_open_ = false;
  // It fails where SQLite has rolled back already, or without memory: then the next `begin` does it. Nothing here
  // throws, for an exception may be on its way.
  if (db.in_transaction()) static_cast<void>(sqlite3_exec(db.handle(), "ROLLBACK", nullptr, nullptr, nullptr));
}

Status Transaction::commit() {
  if (db_ == nullptr) return Error(ErrorCode::INTERNAL, "the transaction has ended already");
  Status done = db_->run("COMMIT");
  if (!done.ok()) {
    roll_back();
    return done;
  }
  db_->transaction_open_ = false;
  db_ = nullptr;
  return {};
}

Result<Savepoint> Savepoint::begin(Database& db) {
  if (!db.in_transaction()) return Error(ErrorCode::INTERNAL, "a savepoint outside of a transaction");
  // One name for all: RELEASE and ROLLBACK TO take the innermost of it.
  SOTTO_TRY(db.run("SAVEPOINT sp"));
  return Savepoint(db);
}

Savepoint::~Savepoint() {
  if (db_ == nullptr) return;
  // It fails if the whole transaction is gone, and with it what was to be undone; or without memory: then what was to
  // be undone is still there, and the transaction must not be committed.
  const int code = sqlite3_exec(db_->handle(), "ROLLBACK TO sp; RELEASE sp", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) db_->lose_transaction(code);
}

Status Savepoint::release() {
  if (db_ == nullptr) return Error(ErrorCode::INTERNAL, "the savepoint has ended already");
  SOTTO_TRY(db_->run("RELEASE sp"));
  db_ = nullptr;
  return {};
}

}  // namespace sotto::store
