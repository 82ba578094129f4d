// Copies of a file that is in use, and connections that only read.
#include <sys/stat.h>

#include <fstream>

#include "store/database.h"
#include "store/transaction.h"
#include "support/catch.h"
#include "support/temp_dir.h"

using namespace sotto;
using namespace sotto::store;
using sotto::test::TempDir;

namespace {

std::unique_ptr<Database> make(const std::string& path) {
  auto db = Database::open(path, {});
  REQUIRE(db.ok());
  REQUIRE((*db)->execute_script("CREATE TABLE t(x); PRAGMA application_id=7; PRAGMA user_version=3").ok());
  REQUIRE((*db)->run("INSERT INTO t VALUES(1)").ok());
  return std::move(*db);
}

}  // namespace

TEST_CASE("a copy is one committed state, private, and with the numbers of its schema") {
  const TempDir dir;
  const auto db = make(dir.file("a.db"));
  auto transaction = Transaction::begin(*db);
  REQUIRE(transaction.ok());
  REQUIRE(db->run("INSERT INTO t VALUES(2)").ok());
  const auto reader = Database::open_existing(dir.file("a.db"), {});
  REQUIRE(reader.ok());
  REQUIRE((*reader)->copy_to(dir.file("copy.db")).ok());
  REQUIRE(transaction->commit().ok());

  struct stat status {};
  REQUIRE(::stat(dir.file("copy.db").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const auto copy = Database::open_existing(dir.file("copy.db"), {});
  REQUIRE(copy.ok());
  CHECK((*copy)->one<int>("SELECT count(*) FROM t").value() == 1);
  CHECK((*copy)->one<int>("PRAGMA application_id").value() == 7);
  CHECK((*copy)->one<int>("PRAGMA user_version").value() == 3);
  CHECK((*copy)->check_structure().ok());
  CHECK((*reader)->copy_to(dir.file("copy.db")).code() == ErrorCode::ALREADY_EXISTS);
  CHECK((*reader)->copy_to(dir.file("none/copy.db")).code() == ErrorCode::IO_ERROR);
}

TEST_CASE("what only reads makes no file and changes none") {
  const TempDir dir;
  CHECK(Database::open_existing(dir.file("none.db"), {}).code() == ErrorCode::NOT_FOUND);
  std::ofstream(dir.file("text.db")) << "this is no database, however long it may be; far from it, in fact it is text";
  CHECK(Database::open_existing(dir.file("text.db"), {}).code() == ErrorCode::CORRUPT);
  make(dir.file("a.db"));
  const auto reader = Database::open_existing(dir.file("a.db"), {});
  REQUIRE(reader.ok());
  CHECK((*reader)->run("INSERT INTO t VALUES(9)").code() == ErrorCode::IO_ERROR);
}

TEST_CASE("damage is found by a look at the structure, and is not copied without a word") {
  const TempDir dir;
  {
    const auto db = make(dir.file("a.db"));
    for (int i = 0; i < 2000; ++i) REQUIRE(db->run("INSERT INTO t VALUES(?)", std::string(40, 'x')).ok());
    REQUIRE(db->checkpoint(Checkpoint::truncate).ok());
  }
  {
    std::fstream file(dir.file("a.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    file << std::string(8192, '\x5a');
  }
  const auto reader = Database::open_existing(dir.file("a.db"), {});
  REQUIRE(reader.ok());
  CHECK((*reader)->check_structure().code() == ErrorCode::CORRUPT);
  CHECK((*reader)->copy_to(dir.file("copy.db")).code() == ErrorCode::CORRUPT);
  CHECK_FALSE(std::ifstream(dir.file("copy.db")).good());
}
