// What every form of the backend keeps to: blobs.
#include "crypto/hash.h"
#include "forms.h"

namespace sotto::relay::test {
namespace {

TEMPLATE_TEST_CASE("a blob is uploaded in parts and read in ranges", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  SeededRandom random(3);
  const auto blob = blob_id(1);
  // Parts above and below 64 KiB, so that whatever a form divides them into is crossed by the ranges below.
  const Bytes all = random_bytes(random, 300'000);
  Calls calls(form.backend());
  CHECK_FALSE(calls.blob_state(blob)->has_value());
  const auto begun = calls.blob_begin(blob, all.size(), text("meta"));
  REQUIRE(begun.ok());
  CHECK(begun->size == all.size());
  CHECK(begun->received == 0);
  CHECK_FALSE(begun->finished);
  CHECK(begun->meta == text("meta"));

  std::size_t sent = 0;
  for (const std::size_t size : {1U, 131'072U, 65'536U, 0U, 70'000U, 33'391U}) {
    const auto part = ByteView(all).subspan(sent, size);
    const auto state = calls.blob_write(blob, sent, to_bytes(part));
    REQUIRE(state.ok());
    sent += size;
    CHECK(state->received == sent);
  }
  REQUIRE(sent == all.size());
  CHECK(calls.blob_read(blob, 0, 10).code() == ErrorCode::NOT_FOUND);  // not finished
  REQUIRE(calls.blob_finish(blob, crypto::sha256(all)).ok());
  CHECK((*calls.blob_state(blob))->finished);

  for (const std::size_t offset : {0U, 1U, 65'535U, 65'536U, 131'072U, 131'073U, 196'609U, 299'999U}) {
    for (const std::size_t limit : {1U, 2U, 65'536U, 131'072U, 400'000U}) {
      const auto part = calls.blob_read(blob, offset, limit);
      REQUIRE(part.ok());
      CHECK(*part == to_bytes(ByteView(all).subspan(offset, std::min(limit, all.size() - offset))));
    }
  }
  CHECK(calls.blob_read(blob, 300'000, 10)->empty());
  CHECK(calls.blob_read(blob, UINT64_MAX, 10)->empty());
  CHECK(calls.blob_read(blob, 5, 0)->empty());

  SECTION("it survives reopening") {
    form.reopen();
    CHECK(*Calls(form.backend()).blob_read(blob, 0, 400'000) == all);
  }
  SECTION("finishing again changes nothing") {
    CHECK(calls.blob_finish(blob, crypto::sha256(all)).ok());
    CHECK(calls.blob_finish(blob, crypto::sha256(text("other"))).code() == ErrorCode::BAD_SIGNATURE);
    CHECK(calls.blob_read(blob, 0, 400'000)->size() == all.size());
    CHECK(calls.blob_begin(blob, all.size(), text("meta"))->finished);
    CHECK(calls.blob_write(blob, all.size(), text("more")).code() == ErrorCode::TOO_LARGE);
  }
  SECTION("a removed blob is gone") {
    REQUIRE(calls.blob_remove(blob).ok());
    CHECK(calls.blob_remove(blob).ok());
    CHECK(calls.blob_read(blob, 0, 10).code() == ErrorCode::NOT_FOUND);
    CHECK_FALSE(calls.blob_state(blob)->has_value());
    CHECK(calls.blob_begin(blob, 5, {})->received == 0);
  }
}

TEMPLATE_TEST_CASE("an interrupted upload goes on where it was", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  const auto blob = blob_id(2);
  {
    Calls calls(form.backend());
    REQUIRE(calls.blob_begin(blob, 10, text("m")).ok());
    REQUIRE(calls.blob_write(blob, 0, text("01234")).ok());
  }
  form.crash();
  Calls calls(form.backend());
  const auto state = calls.blob_begin(blob, 10, text("m"));
  REQUIRE(state.ok());
  CHECK(state->received == 5);
  CHECK(calls.blob_begin(blob, 11, text("m")).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_begin(blob, 10, text("n")).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_write(blob, 0, text("01234")).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_write(blob, 6, text("6789")).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_write(blob, 5, text("567890")).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.blob_finish(blob, crypto::sha256(text("01234"))).code() == ErrorCode::CONFLICT);
  CHECK((*calls.blob_state(blob))->received == 5);
  REQUIRE(calls.blob_write(blob, 5, text("56789")).ok());
  CHECK(calls.blob_finish(blob, crypto::sha256(text("0123456789"))).ok());
  CHECK(*calls.blob_read(blob, 0, 100) == text("0123456789"));
}

TEMPLATE_TEST_CASE("a blob with another hash is removed", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto blob = blob_id(3);
  REQUIRE(calls.blob_begin(blob, 3, {}).ok());
  REQUIRE(calls.blob_write(blob, 0, text("abc")).ok());
  CHECK(calls.blob_finish(blob, crypto::sha256(text("abd"))).code() == ErrorCode::BAD_SIGNATURE);
  CHECK_FALSE(calls.blob_state(blob)->has_value());
  CHECK(calls.blob_finish(blob, crypto::sha256(text("abc"))).code() == ErrorCode::NOT_FOUND);
  CHECK(calls.blob_write(blob, 0, text("abc")).code() == ErrorCode::NOT_FOUND);
}

TEMPLATE_TEST_CASE("blobs of no bytes and blobs too large", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  REQUIRE(calls.blob_begin(blob_id(4), 0, {}).ok());
  CHECK(calls.blob_write(blob_id(4), 0, text("x")).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.blob_finish(blob_id(4), crypto::sha256(Bytes())).ok());
  CHECK(calls.blob_read(blob_id(4), 0, 10)->empty());

  CHECK(calls.blob_begin(blob_id(5), UINT64_MAX, {}).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.blob_begin(blob_id(5), 1, Bytes(most_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  REQUIRE(calls.blob_begin(blob_id(5), 2 * most_bytes, {}).ok());
  CHECK(calls.blob_write(blob_id(5), 0, Bytes(most_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.blob_write(blob_id(5), 0, Bytes(most_bytes)).ok());
}

}  // namespace
}  // namespace sotto::relay::test
