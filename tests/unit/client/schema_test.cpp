// How the client's store is opened.
#include "client/schema.h"

#include <fstream>

#include "support/temp_dir.h"
#include "unit/client/members.h"

using namespace sotto;
using namespace sotto::client;
using namespace sotto::test;

TEST_CASE("A store is made, opened again, and used by one at a time") {
  TempDir dir;
  const auto path = dir.file("sotto.db");
  {
    const auto db = must(open_store(path));
    must(AccountTable(*db).insert(account_of(test::People(1).member())));
    CHECK(open_store(path).code() == ErrorCode::IN_USE);
  }
  const auto db = must(open_store(path));
  CHECK(must(AccountTable(*db).load()).has_value());
  CHECK(must(db->one<std::int64_t>("PRAGMA application_id")) == application_id);
}

TEST_CASE("A store of a newer version, or of another application, is left alone") {
  TempDir dir;
  const auto path = dir.file("sotto.db");
  must(must(open_store(path))->run("PRAGMA user_version = 1000"));
  CHECK(open_store(path).code() == ErrorCode::NEWER_SCHEMA);
  {
    const auto db = must(store::Database::open(path, {}));
    must(db->run("PRAGMA user_version = 1"));
    must(db->run("PRAGMA application_id = 1"));
  }
  CHECK_FALSE(open_store(path).ok());
}

TEST_CASE("What is no database is no store") {
  TempDir dir;
  const auto path = dir.file("sotto.db");
  std::ofstream(path) << std::string(8192, 'x');
  CHECK(open_store(path).code() == ErrorCode::CORRUPT);
  CHECK(open_store(dir.file("missing/sotto.db")).code() == ErrorCode::IO_ERROR);
}
