#include "store/transaction.h"

namespace sotto::store {

Result<Transaction> Transaction::begin(Database& db, TransactionKind kind) {
  if (db.in_transaction()) return Error(ErrorCode::INTERNAL, "a transaction is open already");
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
  // It can fail only where SQLite has rolled back already.
  if (db.in_transaction()) static_cast<void>(db.run("ROLLBACK"));
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
  // They fail only if the whole transaction is gone, and with it what was to be undone.
  static_cast<void>(db_->run("ROLLBACK TO sp"));
  static_cast<void>(db_->run("RELEASE sp"));
}

Status Savepoint::release() {
  if (db_ == nullptr) return Error(ErrorCode::INTERNAL, "the savepoint has ended already");
  SOTTO_TRY(db_->run("RELEASE sp"));
  db_ = nullptr;
  return {};
}

}  // namespace sotto::store
