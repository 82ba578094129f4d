#include "store/migrations.h"

#include "support/catch.h"
#include "support/temp_dir.h"

using namespace sotto;
using namespace sotto::store;
using sotto::test::TempDir;

namespace {

constexpr std::int32_t our_id = 0x536f7474;
constexpr Migration first{1, "CREATE TABLE a(v); INSERT INTO a VALUES(1);"};
constexpr Migration second{2, "ALTER TABLE a ADD COLUMN w DEFAULT 7; CREATE TABLE b(v);"};
constexpr Migration broken{3, "CREATE TABLE c(v); INSERT INTO nowhere VALUES(1);"};

}  // namespace

TEST_CASE("migrations bring a file from any version to the last, and run once") {
  const TempDir dir;
  {
    const auto db = Database::open(dir.file("a.db"), {}).value();
    REQUIRE(migrate(*db, std::array{first}, our_id).ok());
    CHECK(schema_version(*db).value() == 1);
  }
  const auto db = Database::open(dir.file("a.db"), {}).value();
  REQUIRE(migrate(*db, std::array{first, second}, our_id).ok());
  REQUIRE(migrate(*db, std::array{first, second}, our_id).ok());
  CHECK(schema_version(*db).value() == 2);
  CHECK(db->one<int>("SELECT sum(w) FROM a").value() == 7);
}

TEST_CASE("a failing migration leaves the version before it") {
  const auto db = Database::open(":memory:", {}).value();
  CHECK_FALSE(migrate(*db, std::array{first, second, broken}, our_id).ok());
  CHECK(schema_version(*db).value() == 2);
  CHECK_FALSE(db->in_transaction());
  CHECK(db->one<int>("SELECT count(*) FROM sqlite_schema WHERE name = 'c'").value() == 0);
  CHECK(migrate(*db, std::array{first, second}, our_id).ok());
}

TEST_CASE("a migration must not end its own transaction") {
  const auto db = Database::open(":memory:", {}).value();
  CHECK_FALSE(migrate(*db, std::array{Migration{1, "CREATE TABLE a(v); COMMIT;"}}, our_id).ok());
  CHECK(schema_version(*db).value() == 0);
}

TEST_CASE("a file of a newer version is left alone") {
  const auto db = Database::open(":memory:", {}).value();
  REQUIRE(migrate(*db, std::array{first, second}, our_id).ok());
  CHECK(migrate(*db, std::array{first}, our_id).code() == ErrorCode::NEWER_SCHEMA);
}

TEST_CASE("a file of another application is left alone") {
  const auto db = Database::open(":memory:", {}).value();
  SECTION("with an id") {
    REQUIRE(migrate(*db, std::array{first}, our_id).ok());
    CHECK(migrate(*db, std::array{first, second}, 42).code() == ErrorCode::CORRUPT);
  }
  SECTION("without one, but with tables") {
    REQUIRE(db->run("CREATE TABLE foreign_table(v)").ok());
    CHECK(migrate(*db, std::array{first}, our_id).code() == ErrorCode::CORRUPT);
  }
}

TEST_CASE("migrations out of order are refused") {
  const auto db = Database::open(":memory:", {}).value();
  CHECK(migrate(*db, std::array{second, first}, our_id).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(migrate(*db, std::array{Migration{0, ""}}, our_id).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(migrate(*db, std::array{first}, 0).code() == ErrorCode::INVALID_ARGUMENT);
}
