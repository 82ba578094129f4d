#include "store/transaction.h"

#include "support/catch.h"
#include "support/temp_dir.h"

using namespace sotto;
using namespace sotto::store;

namespace {

std::unique_ptr<Database> database_with_table() {
  auto db = Database::open(":memory:", {}).value();
  REQUIRE(db->run("CREATE TABLE t(v INTEGER PRIMARY KEY)").ok());
  return db;
}

std::string rows(Database& db) {
  return db.one<std::string>("SELECT ifnull(group_concat(v), '') FROM (SELECT v FROM t ORDER BY v)").value().value();
}

}  // namespace

TEST_CASE("a transaction that is not committed leaves nothing") {
  const auto db = database_with_table();
  {
    auto transaction = Transaction::begin(*db).value();
    REQUIRE(db->run("INSERT INTO t VALUES(1)").ok());
    CHECK(db->in_transaction());
  }
  CHECK_FALSE(db->in_transaction());
  CHECK(rows(*db).empty());
}

TEST_CASE("a committed transaction stays") {
  const auto db = database_with_table();
  auto transaction = Transaction::begin(*db).value();
  REQUIRE(db->run("INSERT INTO t VALUES(1)").ok());
  CHECK(transaction.commit().ok());
  CHECK(rows(*db) == "1");
  CHECK(transaction.commit().code() == ErrorCode::INTERNAL);
}

TEST_CASE("transactions do not nest; savepoints do") {
  const auto db = database_with_table();
  CHECK(Savepoint::begin(*db).code() == ErrorCode::INTERNAL);
  auto transaction = Transaction::begin(*db).value();
  CHECK(Transaction::begin(*db).code() == ErrorCode::INTERNAL);
  REQUIRE(db->run("INSERT INTO t VALUES(1)").ok());
  {
    auto outer = Savepoint::begin(*db).value();
    REQUIRE(db->run("INSERT INTO t VALUES(2)").ok());
    {
      auto inner = Savepoint::begin(*db).value();
      REQUIRE(db->run("INSERT INTO t VALUES(3)").ok());
    }
    CHECK(rows(*db) == "1,2");
    {
      auto inner = Savepoint::begin(*db).value();
      REQUIRE(db->run("INSERT INTO t VALUES(4)").ok());
      REQUIRE(inner.release().ok());
    }
    CHECK(rows(*db) == "1,2,4");
  }
  CHECK(rows(*db) == "1");
  {
    auto kept = Savepoint::begin(*db).value();
    REQUIRE(db->run("INSERT INTO t VALUES(5)").ok());
    REQUIRE(kept.release().ok());
  }
  REQUIRE(transaction.commit().ok());
  CHECK(rows(*db) == "1,5");
}

TEST_CASE("after SQLite rolled a transaction back by itself, nothing of it slips out") {
  const auto db = database_with_table();
  REQUIRE(db->run("INSERT INTO t VALUES(1)").ok());
  {
    auto transaction = Transaction::begin(*db).value();
    REQUIRE(db->run("INSERT INTO t VALUES(2)").ok());
    CHECK(db->run("INSERT OR ROLLBACK INTO t VALUES(1)").code() == ErrorCode::ALREADY_EXISTS);
    CHECK_FALSE(db->in_transaction());
    CHECK(db->run("INSERT INTO t VALUES(3)").code() == ErrorCode::ALREADY_EXISTS);
    CHECK_FALSE(Savepoint::begin(*db).ok());
    CHECK(db->execute_script("INSERT INTO t VALUES(4)").code() == ErrorCode::ALREADY_EXISTS);
    CHECK(transaction.commit().code() == ErrorCode::ALREADY_EXISTS);
  }
  CHECK(rows(*db) == "1");
  CHECK(db->run("INSERT INTO t VALUES(5)").ok());
  CHECK(rows(*db) == "1,5");
}

TEST_CASE("a commit that fails rolls back") {
  const auto db = database_with_table();
  REQUIRE(db->run("CREATE TABLE child(v REFERENCES t(v) DEFERRABLE INITIALLY DEFERRED)").ok());
  auto transaction = Transaction::begin(*db).value();
  REQUIRE(db->run("INSERT INTO t VALUES(1)").ok());
  REQUIRE(db->run("INSERT INTO child VALUES(99)").ok());
  CHECK(transaction.commit().code() == ErrorCode::INTERNAL);
  CHECK_FALSE(db->in_transaction());
  CHECK(rows(*db).empty());
}
