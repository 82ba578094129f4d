// Attachments in a backup, and rows whose file is gone.
#include <fstream>
#include <set>

#include "forms.h"
#include "relay/backend/sqlite_blob_copy.h"
#include "relay/backend/sqlite_blob_store.h"

namespace sotto::relay::test {
namespace {

namespace fs = std::filesystem;

Bytes bytes(std::uint64_t seed, std::size_t size = 5000) {
  SeededRandom random(seed);
  return random_bytes(random, size);
}

void upload(SqliteForm& form, std::uint8_t number) {
  Calls calls(form.backend());
  REQUIRE(calls.blob_begin(blob_id(number), new_blob(bytes(number))).ok());
  REQUIRE(calls.blob_write(blob_id(number), 0, bytes(number)).ok());
}

std::string file_of(const SqliteForm& form, int number) { return form.folder() + "/blobs/" + std::to_string(number); }

TEST_CASE("a blob whose file is gone or cut is as good as expired, and can be uploaded again", "[backend][sqlite]") {
  SqliteForm form;
  upload(form, 1);
  upload(form, 2);
  form.reopen();
  SECTION("gone") { fs::remove(file_of(form, 1)); }
  SECTION("cut") { fs::resize_file(file_of(form, 1), 4000); }
  Calls calls(form.backend());
  CHECK(calls.blob_read(blob_id(1), 0, 5000).code() == ErrorCode::NOT_FOUND);
  CHECK_FALSE(calls.blob_state(blob_id(1))->has_value());
  CHECK(calls.blob_update(blob_id(1), 1, text("meta"), 5).code() == ErrorCode::NOT_FOUND);
  CHECK(*calls.blob_read(blob_id(2), 0, 5000) == bytes(2));
  upload(form, 1);
  CHECK(*calls.blob_read(blob_id(1), 0, 5000) == bytes(1));
  form.reopen();
  CHECK(*Calls(form.backend()).blob_read(blob_id(1), 0, 5000) == bytes(1));
  CHECK_FALSE(fs::exists(file_of(form, 1)));  // It has another one now.
}

TEST_CASE("a copy has each blob whose upload has ended, with its file, and nothing else", "[backend][sqlite]") {
  SqliteForm form;
  const TempDir dir;
  for (std::uint8_t number = 1; number <= 4; ++number) upload(form, number);
  Calls calls(form.backend());
  REQUIRE(calls.blob_begin(blob_id(5), new_blob(bytes(5))).ok());
  REQUIRE(calls.blob_write(blob_id(5), 0, bytes(5, 10)).ok());
  std::ofstream(form.folder() + "/blobs/4711") << "nobody's";
  fs::remove(file_of(form, 2));
  fs::resize_file(file_of(form, 3), 100);
  REQUIRE(copy_blobs(form.folder(), dir.path()).ok());

  std::set<std::string> files;
  for (const auto& file : fs::directory_iterator(dir.path() + "/blobs")) files.insert(file.path().filename());
  CHECK(files == std::set<std::string>{"1", "4"});
  CHECK(fs::equivalent(file_of(form, 1), dir.path() + "/blobs/1"));  // linked
  // What the relay deletes stays in the copy, and is served from there.
  REQUIRE(calls.blob_update(blob_id(1), 1, text("meta"), 5).ok());
  REQUIRE(*calls.blob_expire(10) == 1);
  CHECK_FALSE(fs::exists(file_of(form, 1)));
  const auto store = SqliteBlobStore::open(dir.path(), {});
  REQUIRE(store.ok());
  CHECK((*store)->count() == 2);
  REQUIRE((*store)->begin(0).ok());
  CHECK(*(*store)->blob_read(blob_id(1), 0, 5000) == bytes(1));
  CHECK(*(*store)->blob_read(blob_id(4), 0, 5000) == bytes(4));
  CHECK((*store)->blob_read(blob_id(5), 0, 10).code() == ErrorCode::NOT_FOUND);
  (*store)->roll_back();
}

TEST_CASE("without blobs there is nothing to copy; what is not ours is not taken", "[backend][sqlite]") {
  const TempDir from;
  const TempDir to;
  CHECK(copy_blobs(from.path(), to.path()).ok());
  CHECK(fs::is_empty(to.path()));
  {
    const auto db = store::Database::open(from.path() + "/blobs.db", {});
    REQUIRE(db.ok());
    REQUIRE((*db)->run("PRAGMA application_id = 1").ok());
  }
  CHECK(copy_blobs(from.path(), to.path()).code() == ErrorCode::CORRUPT);
  {
    const auto db = store::Database::open(from.path() + "/blobs.db", {});
    REQUIRE((*db)->run("PRAGMA application_id = " + std::to_string(sqlite_blob_application_id)).ok());
    REQUIRE((*db)->run("PRAGMA user_version = 1000").ok());
  }
  CHECK(copy_blobs(from.path(), to.path()).code() == ErrorCode::NEWER_SCHEMA);
}

}  // namespace
}  // namespace sotto::relay::test
