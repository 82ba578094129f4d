#include "store/database.h"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/ids.h"
#include "store/transaction.h"
#include "support/catch.h"
#include "support/temp_dir.h"

using namespace sotto;
using namespace sotto::store;
using sotto::test::TempDir;

namespace {

std::unique_ptr<Database> open(const std::string& path, OpenOptions options = {}) {
  auto db = Database::open(path, options);
  if (!db.ok()) FAIL(db.error().message);
  return std::move(db).value();
}

enum class Colour : std::uint8_t { red = 1, green = 2 };

}  // namespace

TEST_CASE("a database has the settings that Sotto relies on") {
  const TempDir dir;
  const auto db = open(dir.file("a.db"));
  CHECK(db->one<std::string>("PRAGMA journal_mode").value() == "wal");
  CHECK(db->one<int>("PRAGMA foreign_keys").value() == 1);
  CHECK(db->one<int>("PRAGMA secure_delete").value() == 1);
  CHECK(db->one<int>("PRAGMA trusted_schema").value() == 0);
  CHECK(db->one<int>("PRAGMA synchronous").value() == 2);
  CHECK(db->one<int>("PRAGMA auto_vacuum").value() == 2);
  CHECK(db->one<int>("PRAGMA temp_store").value() == 2);
  CHECK(db->one<int>("PRAGMA page_size").value() == 4096);

  struct stat info {};
  REQUIRE(::stat(dir.file("a.db").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(::stat(dir.file("a.db-wal").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("options choose page size and how durable a commit is") {
  const TempDir dir;
  OpenOptions options;
  options.page_size = 8192;
  options.synchronous = Synchronous::normal;
  const auto db = open(dir.file("a.db"), options);
  CHECK(db->one<int>("PRAGMA page_size").value() == 8192);
  CHECK(db->one<int>("PRAGMA synchronous").value() == 1);
}

TEST_CASE("values come back as they were stored") {
  const auto db = open(":memory:");
  REQUIRE(db->run("CREATE TABLE t(id INTEGER PRIMARY KEY, v) STRICT").code() == ErrorCode::INTERNAL);  // no type
  REQUIRE(db->run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)").ok());
  const auto round_trip = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    REQUIRE(db->run("INSERT OR REPLACE INTO t VALUES(1, ?)", value).ok());
    auto back = db->one<T>("SELECT v FROM t WHERE id = 1");
    REQUIRE(back.ok());
    REQUIRE(back->has_value());
    return back.value().value() == value;
  };
  SeededRandom random(1);
  CHECK(round_trip(std::int64_t{0}));
  CHECK(round_trip(std::numeric_limits<std::int64_t>::min()));
  CHECK(round_trip(std::numeric_limits<std::int64_t>::max()));
  CHECK(round_trip(std::uint64_t{1} << 62));
  CHECK(round_trip(true));
  CHECK(round_trip(Colour::green));
  CHECK(round_trip(1.5));
  CHECK(round_trip(std::string("text")));
  CHECK(round_trip(std::string()));
  CHECK(round_trip(std::string("nul\0inside", 10)));
  CHECK(round_trip(Bytes{1, 0, 255}));
  CHECK(round_trip(Bytes(100'000, 7)));
  CHECK(round_trip(random_id<ChatId>(random)));
  CHECK(round_trip(std::optional<std::int64_t>(5)));
  CHECK(round_trip(std::optional<std::int64_t>()));
  CHECK(round_trip(std::optional<Bytes>(Bytes{})));
}

TEST_CASE("an empty blob and an empty text are not NULL") {
  const auto db = open(":memory:");
  CHECK(db->one<std::string>("SELECT typeof(?)", Bytes{}).value() == "blob");
  CHECK(db->one<std::string>("SELECT typeof(?)", ByteView{}).value() == "blob");
  CHECK(db->one<std::string>("SELECT typeof(?)", std::string_view{}).value() == "text");
  CHECK(db->one<std::string>("SELECT typeof(?)", nullptr).value() == "null");
  CHECK(db->one<std::string>("SELECT typeof(?)", std::nullopt).value() == "null");
  CHECK(db->one<std::optional<Bytes>>("SELECT x''").value().value() == Bytes{});
}

TEST_CASE("secrets are bound and read without becoming plain bytes") {
  const auto db = open(":memory:");
  REQUIRE(db->run("CREATE TABLE t(k BLOB)").ok());
  REQUIRE(db->run("INSERT INTO t VALUES(?)", SecretBytes(Bytes{1, 2, 3})).ok());
  auto back = db->one<SecretBytes>("SELECT k FROM t");
  REQUIRE(back.ok());
  CHECK(equal(back.value()->view(), Bytes{1, 2, 3}));
  using Key = SecretArray<struct KeyTag, 3>;
  CHECK(equal(db->one<Key>("SELECT k FROM t").value()->view(), Bytes{1, 2, 3}));
}

TEST_CASE("what is not of the expected type or size is reported as damage") {
  const auto db = open(":memory:");
  CHECK(db->one<int>("SELECT 'x'").code() == ErrorCode::CORRUPT);
  CHECK(db->one<int>("SELECT NULL").code() == ErrorCode::CORRUPT);
  CHECK(db->one<Bytes>("SELECT 5").code() == ErrorCode::CORRUPT);
  CHECK(db->one<std::uint8_t>("SELECT 256").code() == ErrorCode::CORRUPT);
  CHECK(db->one<std::uint64_t>("SELECT -1").code() == ErrorCode::CORRUPT);
  CHECK(db->one<ChatId>("SELECT x'0102'").code() == ErrorCode::CORRUPT);
  const auto status = db->query("SELECT 'x' UNION SELECT 'y'", [](const Row& row) { CHECK(row.integer(0) == 0); });
  CHECK(status.code() == ErrorCode::CORRUPT);
}

TEST_CASE("a number that SQLite cannot hold is refused, not wrapped") {
  const auto db = open(":memory:");
  CHECK(db->run("SELECT ?", std::uint64_t{1} << 63).code() == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("query calls back for each row, and stops when it is told to") {
  const auto db = open(":memory:");
  const char* sql = "WITH n(i) AS (VALUES(1),(2),(3)) SELECT i FROM n WHERE i > ?";
  int sum = 0;
  CHECK(db->query(sql, 1, [&](const Row& row) { sum += row.get<int>(0); }).ok());
  CHECK(sum == 5);

  int rows = 0;
  CHECK(db->query(sql, 0, [&](const Row&) { return ++rows < 2; }).ok());
  CHECK(rows == 2);

  const auto refuse = [](const Row&) -> Status { return ErrorCode::FORBIDDEN; };
  CHECK(db->query(sql, 0, refuse).code() == ErrorCode::FORBIDDEN);
}

TEST_CASE("a callback may run the same statement again") {
  const auto db = open(":memory:");
  const char* sql = "WITH n(i) AS (VALUES(1),(2)) SELECT i FROM n";
  int pairs = 0;
  CHECK(db->query(sql, [&](const Row&) { return db->query(sql, [&](const Row&) { ++pairs; }); }).ok());
  CHECK(pairs == 4);
}

TEST_CASE("one gives several columns, and nothing when there is no row") {
  const auto db = open(":memory:");
  const auto row = db->one<int, std::string, std::optional<int>>("SELECT 1, 'a', NULL").value();
  REQUIRE(row.has_value());
  CHECK(*row == std::tuple(1, std::string("a"), std::optional<int>()));
  CHECK_FALSE(db->one<int>("SELECT 1 WHERE 0").value().has_value());
}

TEST_CASE("a prepared statement is reset and forgets its bindings when it is given back") {
  const auto db = open(":memory:");
  {
    auto statement = db->prepare("SELECT ?", 5).value();
    REQUIRE(statement.step().value());
    CHECK(statement.integer(0) == 5);
  }
  auto again = db->prepare("SELECT ?").value();
  REQUIRE(again.step().value());
  CHECK(again.is_null(0));
}

TEST_CASE("more different SQL texts than the cache keeps still work") {
  const auto db = open(":memory:");
  for (int i = 0; i < 1200; ++i) {
    REQUIRE(db->one<int>("SELECT " + std::to_string(i)).value() == i);
  }
}

TEST_CASE("exactly one command is prepared") {
  const auto db = open(":memory:");
  CHECK(db->run("SELECT 1; SELECT 2").code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(db->run("").code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(db->run("SELECT 1; ").ok());
  CHECK(db->run("SELEKT 1").code() == ErrorCode::INTERNAL);
  CHECK(db->run("SELECT \"no such column\"").code() == ErrorCode::INTERNAL);  // not taken for a text
  CHECK(db->run("SELECT 1", 2).code() == ErrorCode::INTERNAL);                // one argument too many
}

TEST_CASE("failures of SQLite become the codes that callers decide on") {
  const TempDir dir;
  SECTION("a file that is no database") {
    std::ofstream(dir.file("a.db")) << std::string(8192, 'x');
    CHECK(Database::open(dir.file("a.db"), {}).code() == ErrorCode::CORRUPT);
  }
  SECTION("a directory that is not there") {
    CHECK(Database::open(dir.file("no/a.db"), {}).code() == ErrorCode::IO_ERROR);
  }
  SECTION("a VFS that is not registered") {
    OpenOptions options;
    options.vfs = "no such vfs";
    CHECK_FALSE(Database::open(dir.file("a.db"), options).ok());
  }
  SECTION("a full disk") {
    const auto db = open(dir.file("a.db"));
    REQUIRE(db->run("CREATE TABLE t(v BLOB)").ok());
    REQUIRE(db->run("PRAGMA max_page_count=10").ok());
    CHECK(db->run("INSERT INTO t VALUES(zeroblob(1000000))").code() == ErrorCode::DISK_FULL);
    CHECK(db->one<int>("SELECT count(*) FROM t").value() == 0);
  }
  SECTION("another writer") {
    OpenOptions options;
    options.busy_timeout = std::chrono::milliseconds(0);
    const auto a = open(dir.file("a.db"), options);
    const auto b = open(dir.file("a.db"), options);
    auto held = Transaction::begin(*a);
    REQUIRE(held.ok());
    CHECK(Transaction::begin(*b).code() == ErrorCode::IN_USE);
  }
  SECTION("a row that exists") {
    const auto db = open(dir.file("a.db"));
    REQUIRE(db->run("CREATE TABLE t(a UNIQUE, b NOT NULL)").ok());
    REQUIRE(db->run("INSERT INTO t VALUES(1, 1)").ok());
    CHECK(db->run("INSERT INTO t VALUES(1, 2)").code() == ErrorCode::ALREADY_EXISTS);
    CHECK(db->run("INSERT INTO t VALUES(2, NULL)").code() == ErrorCode::INTERNAL);
  }
}

TEST_CASE("a reader sees committed states only, and does not wait for the writer") {
  const TempDir dir;
  const auto writer = open(dir.file("a.db"));
  REQUIRE(writer->run("CREATE TABLE t(v)").ok());
  const auto reader = writer->open_reader().value();
  const auto rows = [](Database& db) { return db.one<int>("SELECT count(*) FROM t").value().value(); };

  auto transaction = Transaction::begin(*writer).value();
  REQUIRE(writer->run("INSERT INTO t VALUES(1)").ok());
  std::thread([&] { CHECK(rows(*reader) == 0); }).join();
  REQUIRE(transaction.commit().ok());
  CHECK(rows(*reader) == 1);

  {
    auto snapshot = Transaction::begin(*reader, TransactionKind::read).value();
    CHECK(rows(*reader) == 1);
    REQUIRE(writer->run("INSERT INTO t VALUES(2)").ok());
    CHECK(rows(*reader) == 1);
  }
  CHECK(rows(*reader) == 2);
  CHECK(reader->run("INSERT INTO t VALUES(3)").code() == ErrorCode::IO_ERROR);
}

TEST_CASE("databases in memory are private, and shared with their readers only") {
  const auto a = open(":memory:");
  const auto b = open(":memory:");
  REQUIRE(a->run("CREATE TABLE t(v)").ok());
  CHECK(b->one<int>("SELECT count(*) FROM sqlite_schema").value() == 0);
  const auto reader = a->open_reader().value();
  CHECK(reader->one<int>("SELECT count(*) FROM sqlite_schema").value() == 1);
  CHECK_FALSE(reader->run("INSERT INTO t VALUES(3)").ok());
  CHECK(a->run("INSERT INTO t VALUES(1)").ok());
  CHECK(reader->one<int>("SELECT v FROM t").value() == 1);
}

TEST_CASE("a truncating checkpoint empties the WAL unless a reader holds it back") {
  const TempDir dir;
  const auto db = open(dir.file("a.db"));
  REQUIRE(db->run("CREATE TABLE t(v)").ok());
  CHECK(db->wal_size() > 0);
  CHECK(db->checkpoint(Checkpoint::truncate).value().complete);
  CHECK(db->wal_size() == 0);

  const auto reader = db->open_reader().value();
  auto snapshot = Transaction::begin(*reader, TransactionKind::read).value();
  REQUIRE(reader->one<int>("SELECT count(*) FROM t").ok());
  REQUIRE(db->run("INSERT INTO t VALUES(1)").ok());
  const auto held = db->checkpoint(Checkpoint::truncate);
  REQUIRE(held.ok());
  CHECK_FALSE(held->complete);
  CHECK(db->wal_size() > 0);
}

TEST_CASE("pages of deleted rows are given back") {
  const TempDir dir;
  const auto db = open(dir.file("a.db"));
  REQUIRE(db->run("CREATE TABLE t(v BLOB)").ok());
  REQUIRE(db->run("INSERT INTO t VALUES(zeroblob(400000))").ok());
  REQUIRE(db->run("DELETE FROM t").ok());
  const auto free = db->free_pages().value();
  CHECK(free > 90);
  REQUIRE(db->release_free_pages(10).ok());
  CHECK(db->free_pages().value() == free - 10);
  REQUIRE(db->release_free_pages(1'000'000).ok());
  CHECK(db->free_pages().value() == 0);
  REQUIRE(db->checkpoint(Checkpoint::truncate).value().complete);
  CHECK(std::filesystem::file_size(dir.file("a.db")) < 40'000);
}

TEST_CASE("a path that looks like a URI is a path") {
  const TempDir dir;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.file("."));
  { const auto db = open("file:a.db?mode=memory"); }
  std::filesystem::current_path(before);
  CHECK(std::filesystem::exists(dir.file("file:a.db?mode=memory")));
}
