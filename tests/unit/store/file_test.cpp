// Files beside a database.
#include "store/file.h"

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/temp_dir.h"

namespace sotto::store {
namespace {

using Mode = File::Mode;

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a file is written and read at any place, in pieces of any size") {
  const test::TempDir dir;
  const auto path = dir.file("one");
  auto file = File::open(path, Mode::write, {});
  REQUIRE(file.ok());
  CHECK(*file->size() == 0);
  Bytes large(300'000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i % 251);
  REQUIRE(file->write(5, large).ok());
  REQUIRE(file->write(0, as_bytes("hello")).ok());
  REQUIRE(file->sync().ok());
  CHECK(*file->size() == 300'005);
  CHECK(read_whole(path) == "hello" + to_string(large));

  auto reader = File::open(path, Mode::read, {});
  REQUIRE(reader.ok());
  Bytes out(131'072);
  REQUIRE(reader->read(100'005, out).ok());
  CHECK(equal(out, ByteView(large).subspan(100'000, out.size())));
  CHECK(reader->read(299'000, out).code() == ErrorCode::CORRUPT);
  CHECK(reader->write(0, as_bytes("no")).code() == ErrorCode::IO_ERROR);
}

TEST_CASE("a file of one byte has one byte") {
  const test::TempDir dir;
  std::ofstream(dir.file("one")) << "x";
  auto file = File::open(dir.file("one"), Mode::read, {});
  REQUIRE(file.ok());
  CHECK(*file->size() == 1);
}

TEST_CASE("a missing file cannot be read, and is removed without complaint") {
  const test::TempDir dir;
  CHECK(File::open(dir.file("none"), Mode::read, {}).code() == ErrorCode::NOT_FOUND);
  CHECK(File::open(dir.file("no/folder"), Mode::read, {}).code() == ErrorCode::NOT_FOUND);
  CHECK(File::open(dir.file("no/folder"), Mode::write, {}).code() == ErrorCode::IO_ERROR);
  CHECK(File::remove(dir.file("none"), {}).ok());
  CHECK(File::open(dir.file("none"), Mode::write, "no such VFS").code() == ErrorCode::INVALID_ARGUMENT);
  std::ofstream(dir.file("some")) << "x";
  CHECK(File::remove(dir.file("some"), {}).ok());
  CHECK_FALSE(std::filesystem::exists(dir.file("some")));
}

TEST_CASE("a link at the end of a path is followed") {
  const test::TempDir dir;
  std::ofstream(dir.file("real")) << "content";
  std::filesystem::create_symlink(dir.file("real"), dir.file("link"));
  auto file = File::open(dir.file("link"), Mode::read, {});
  REQUIRE(file.ok());
  CHECK(*file->size() == 7);
}

}  // namespace sotto::store
