// Transactions that roll back unless they are committed.
#pragma once

#include "store/database.h"

namespace sotto::store {

enum class TransactionKind {
  /// BEGIN IMMEDIATE: waits for another writer up to the busy timeout, then IN_USE.
  write,
  /// One committed state for several statements.
  read,
};

/// Must not outlive its Database. If SQLite rolls back by itself (full disk, I/O error), every later statement and
/// `commit` give that error until this object is gone.
class Transaction {
 public:
  static Result<Transaction> begin(Database& db, TransactionKind kind = TransactionKind::write);

  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  /// Rolls back, unless committed.
  ~Transaction();

  /// Durable when it returns success (`Synchronous::full`). On an error everything is rolled back.
  Status commit();

 private:
  explicit Transaction(Database& db) : db_(&db) {}
  void roll_back();
  Database* db_;
};

/// A part of a transaction that can be undone alone; nests. Needs an open transaction.
class Savepoint {
 public:
  static Result<Savepoint> begin(Database& db);

  Savepoint(Savepoint&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Savepoint& operator=(Savepoint&&) = delete;
  /// Undoes what was done since `begin`, unless released.
  ~Savepoint();

  /// Keeps what was done, as a part of the transaction.
  Status release();

 private:
  explicit Savepoint(Database& db) : db_(&db) {}
  Database* db_;
};

}  // namespace sotto::store
