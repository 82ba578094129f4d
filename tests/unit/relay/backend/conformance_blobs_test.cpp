// What every form of the backend keeps to: blobs.
#include "forms.h"

namespace sotto::relay::test {
namespace {

TEMPLATE_TEST_CASE("a blob is uploaded in parts and read in ranges", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  SeededRandom random(3);
  const auto blob = blob_id(1);
  const Bytes all = random_bytes(random, 300'000);
  Calls calls(form.backend());
  CHECK_FALSE(calls.blob_state(blob)->has_value());
  const auto begun = calls.blob_begin(blob, new_blob(all));
  REQUIRE(begun.ok());
  CHECK(begun->size == all.size());
  CHECK(begun->received == 0);
  CHECK(begun->revision == 1);
  CHECK(begun->meta == text("meta"));

  const ByteView view(all);
  for (std::size_t sent = 0; sent < all.size();) {
    CHECK(calls.blob_read(blob, 0, 10).code() == ErrorCode::NOT_FOUND);  // not finished
    const auto part = view.subspan(sent, std::min<std::size_t>(sent == 0 ? 1 : 100'000, all.size() - sent));
    const auto state = calls.blob_write(blob, sent, to_bytes(part));
    REQUIRE(state.ok());
    sent += part.size();
    CHECK(state->received == sent);
    CHECK(state->finished() == (sent == all.size()));
  }

  for (const std::uint64_t offset : {0, 1, 65'535, 65'536, 299'999}) {
    for (const std::size_t limit : {1, 100, 65'536, 400'000}) {
      const auto part = calls.blob_read(blob, offset, limit);
      REQUIRE(part.ok());
      const auto rest = view.subspan(static_cast<std::size_t>(offset));
      CHECK(equal(*part, rest.first(std::min(limit, rest.size()))));
    }
  }
  CHECK(calls.blob_read(blob, 300'000, 10)->empty());
  CHECK(calls.blob_read(blob, UINT64_MAX, 10)->empty());
  CHECK(calls.blob_read(blob, 5, 0)->empty());

  SECTION("it survives a crash") {
    form.crash();
    CHECK(*Calls(form.backend()).blob_read(blob, 0, 400'000) == all);
  }
  SECTION("announced again it is there already") {
    CHECK(calls.blob_begin(blob, new_blob(all))->finished());
    CHECK(calls.blob_write(blob, all.size(), text("more")).code() == ErrorCode::TOO_LARGE);
    CHECK(*calls.blob_read(blob, 0, 400'000) == all);
  }
}

TEMPLATE_TEST_CASE("an interrupted upload goes on where it was", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  const auto blob = blob_id(2);
  const Bytes all = text("0123456789");
  {
    Calls calls(form.backend());
    REQUIRE(calls.blob_begin(blob, new_blob(all)).ok());
    REQUIRE(calls.blob_write(blob, 0, text("01234")).ok());
  }
  Calls calls(form.backend());
  CHECK(calls.blob_begin(blob, new_blob(all))->received == 5);
  CHECK(calls.blob_begin(blob, new_blob(text("012345678"))).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_begin(blob, new_blob(text("012345678X"))).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_write(blob, 0, text("01234")).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_write(blob, 6, text("6789")).code() == ErrorCode::CONFLICT);
  CHECK(calls.blob_write(blob, 5, text("567890")).code() == ErrorCode::TOO_LARGE);
  CHECK((*calls.blob_state(blob))->received == 5);
  REQUIRE(calls.blob_write(blob, 5, text("56789")).ok());
  CHECK(*calls.blob_read(blob, 0, 100) == all);
}

TEMPLATE_TEST_CASE("after a crash an upload goes on within a mebibyte of where it was", "[backend][blobs]", MemoryForm,
                   SqliteForm) {
  TestType form;
  SeededRandom random(7);
  const Bytes all = random_bytes(random, 5'000'000);
  const auto blob = blob_id(2);
  constexpr std::size_t part = 128 * 1024;
  std::size_t sent = 0;
  {
    Calls calls(form.backend());
    REQUIRE(calls.blob_begin(blob, new_blob(all)).ok());
    for (; sent < 25 * part; sent += part) {
      REQUIRE(calls.blob_write(blob, sent, to_bytes(ByteView(all).subspan(sent, part))).ok());
    }
  }
  const bool crash = GENERATE(false, true);
  if (crash) {
    form.crash();
  } else {
    form.reopen();
  }
  Calls calls(form.backend());
  auto at = calls.blob_begin(blob, new_blob(all))->received;
  CHECK(at <= sent);
  CHECK(at + 1024 * 1024 > sent);
  while (at < all.size()) {
    const auto rest = ByteView(all).subspan(static_cast<std::size_t>(at));
    const auto state = calls.blob_write(blob, at, to_bytes(rest.first(std::min(part, rest.size()))));
    REQUIRE(state.ok());  // the hash of what came before the crash is known still
    at = state->received;
  }
  CHECK(equal(*calls.blob_read(blob, 4'900'000, 200'000), ByteView(all).subspan(4'900'000)));
}

TEMPLATE_TEST_CASE("a blob with another hash is removed", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto blob = blob_id(3);
  REQUIRE(calls.blob_begin(blob, new_blob(text("abd"))).ok());
  REQUIRE(calls.blob_write(blob, 0, text("ab")).ok());
  CHECK(calls.blob_write(blob, 2, text("c")).code() == ErrorCode::BAD_SIGNATURE);
  CHECK_FALSE(calls.blob_state(blob)->has_value());
  CHECK(calls.blob_write(blob, 0, text("abd")).code() == ErrorCode::NOT_FOUND);
  CHECK(calls.blob_begin(blob, new_blob(text("abd")))->received == 0);
  CHECK(calls.blob_write(blob, 0, text("abd"))->finished());
}

TEMPLATE_TEST_CASE("blobs go when their time is over, the oldest first", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  for (std::uint8_t i = 1; i <= 4; ++i) {
    auto what = new_blob(text("abc"));
    what.expires_at = 100U * i;
    REQUIRE(calls.blob_begin(blob_id(i), std::move(what)).ok());
    REQUIRE(calls.blob_write(blob_id(i), 0, text("abc")).ok());
  }
  CHECK(*calls.blob_expire(99) == 0);
  CHECK(*calls.blob_expire(250, 1) == 1);
  CHECK_FALSE(calls.blob_state(blob_id(1))->has_value());
  CHECK(calls.blob_state(blob_id(2))->has_value());

  SECTION("announced or written to again they live longer, never shorter") {
    auto what = new_blob(text("abc"));
    what.expires_at = 1000;
    CHECK(calls.blob_begin(blob_id(2), what)->expires_at == 1000);
    what.expires_at = 10;
    CHECK(calls.blob_begin(blob_id(2), std::move(what))->expires_at == 1000);
    auto other = new_blob(text("xyz"));
    other.expires_at = 100;
    REQUIRE(calls.blob_begin(blob_id(9), std::move(other)).ok());
    CHECK(calls.blob_write(blob_id(9), 0, text("x"), 900)->expires_at == 900);
    CHECK(calls.blob_write(blob_id(9), 1, text("y"), 1)->expires_at == 900);
    CHECK(*calls.blob_expire(500) == 2);  // 3 and 4
    CHECK(*calls.blob_expire(950) == 1);
    CHECK(calls.blob_state(blob_id(2))->has_value());
  }
  SECTION("an update gives any lifetime and another meta, by revision") {
    CHECK(calls.blob_update(blob_id(4), 2, text("new"), 5).code() == ErrorCode::CONFLICT);
    CHECK(calls.blob_update(blob_id(8), 1, text("new"), 5).code() == ErrorCode::NOT_FOUND);
    const auto updated = calls.blob_update(blob_id(4), 1, text("new"), 5);
    REQUIRE(updated.ok());
    CHECK(updated->revision == 2);
    CHECK(updated->expires_at == 5);
    form.reopen();
    Calls again(form.backend());
    CHECK((*again.blob_state(blob_id(4)))->meta == text("new"));
    CHECK(*again.blob_expire(99) == 1);
    CHECK_FALSE(again.blob_state(blob_id(4))->has_value());
  }
}

TEMPLATE_TEST_CASE("an owner has a quota of what is stored", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto begin = [&](std::uint8_t id, std::size_t size, const char* owner = "owner") {
    auto what = new_blob(Bytes(size, id));
    what.owner = text(owner);
    what.owner_bytes = 100;
    what.expires_at = id;
    return calls.blob_begin(blob_id(id), std::move(what)).code();
  };
  CHECK_FALSE(begin(1, 60));
  CHECK(begin(2, 41) == ErrorCode::LIMIT_EXCEEDED);
  CHECK_FALSE(begin(2, 40));
  CHECK_FALSE(begin(1, 60));  // the same one again costs nothing
  CHECK(begin(3, 1) == ErrorCode::LIMIT_EXCEEDED);
  CHECK_FALSE(begin(4, 100, "another"));
  CHECK(begin(5, 101, "third") == ErrorCode::LIMIT_EXCEEDED);
  CHECK(*calls.blob_expire(1) == 1);
  CHECK_FALSE(begin(3, 60));
}

TEMPLATE_TEST_CASE("blobs of no bytes and blobs too large", "[backend][blobs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  CHECK(calls.blob_begin(blob_id(4), new_blob({})).code() == ErrorCode::INVALID_ARGUMENT);
  auto what = new_blob(text("x"));
  what.size = UINT64_MAX;
  CHECK(calls.blob_begin(blob_id(5), what).code() == ErrorCode::TOO_LARGE);
  what.size = 1;
  what.meta = Bytes(blob_meta_bytes + 1);
  CHECK(calls.blob_begin(blob_id(5), what).code() == ErrorCode::TOO_LARGE);
  const Bytes large(2 * blob_part_bytes);
  REQUIRE(calls.blob_begin(blob_id(5), new_blob(large)).ok());
  CHECK(calls.blob_write(blob_id(5), 0, Bytes(blob_part_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.blob_write(blob_id(5), 0, Bytes(blob_part_bytes)).ok());
}

}  // namespace
}  // namespace sotto::relay::test
