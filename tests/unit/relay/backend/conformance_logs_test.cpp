// What every form of the backend keeps to: logs.
#include "forms.h"

namespace sotto::relay::test {
namespace {

using Seqs = std::vector<std::uint64_t>;

TEMPLATE_TEST_CASE("a log that was never written is empty", "[backend][logs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto state = calls.load(log_id(1));
  REQUIRE(state.ok());
  CHECK(state->last == 0);
  CHECK(state->first == 1);
  CHECK(state->snapshot_seq == 0);
  CHECK(state->snapshot.empty());
  CHECK(calls.read(log_id(1), 0)->empty());
  CHECK(calls.trim(log_id(1), 0).ok());
}

TEMPLATE_TEST_CASE("an append is conditional on the last seq", "[backend][logs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto log = log_id(1);

  CHECK(calls.append(log, 1, text("too early")).code() == ErrorCode::CONFLICT);
  CHECK(*calls.append(log, 0, text("one")) == 1);
  CHECK(calls.append(log, 0, text("again")).code() == ErrorCode::CONFLICT);
  CHECK(*calls.append(log, 1, text("two")) == 2);
  CHECK(calls.append(log, 3, text("a hole")).code() == ErrorCode::CONFLICT);
  CHECK(calls.append(log, UINT64_MAX, text("far")).code() == ErrorCode::CONFLICT);
  CHECK(*calls.append(log, 2, {}) == 3);  // an empty record is a record

  const auto records = calls.read(log, 1);
  REQUIRE(records.ok());
  REQUIRE(seqs(*records) == Seqs{1, 2, 3});
  CHECK((*records)[0].data == text("one"));
  CHECK((*records)[1].data == text("two"));
  CHECK((*records)[2].data.empty());

  SECTION("and other logs are other logs") {
    CHECK(*calls.append(log_id(2), 0, text("else")) == 1);
    CHECK(calls.load(log)->last == 3);
    CHECK(calls.load(log_id(2))->last == 1);
  }
}

TEMPLATE_TEST_CASE("a log record has at most 512 KiB", "[backend][logs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  SeededRandom random(5);
  const Bytes largest = random_bytes(random, most_bytes);
  CHECK(*calls.append(log_id(1), 0, largest) == 1);
  CHECK(calls.append(log_id(1), 1, Bytes(most_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.append(log_id(1), 7, Bytes(most_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.read(log_id(1), 1)->at(0).data == largest);
  CHECK(calls.load(log_id(1))->last == 1);
}

TEMPLATE_TEST_CASE("a read is bounded by number and bytes", "[backend][logs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto log = log_id(1);
  for (std::uint64_t last = 0; last < 10; ++last) REQUIRE(calls.append(log, last, Bytes(100)).ok());
  REQUIRE(calls.append(log_id(2), 0, Bytes(100)).ok());

  CHECK(seqs(*calls.read(log, 0)) == Seqs{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(seqs(*calls.read(log, 4, 3)) == Seqs{4, 5, 6});
  CHECK(seqs(*calls.read(log, 9, 3)) == Seqs{9, 10});
  CHECK(calls.read(log, 11)->empty());
  CHECK(calls.read(log, UINT64_MAX)->empty());
  CHECK(calls.read(log, 1, 0)->empty());
  CHECK(seqs(*calls.read(log, 1, 100, 300)) == Seqs{1, 2, 3});
  CHECK(seqs(*calls.read(log, 1, 100, 299)) == Seqs{1, 2});
  CHECK(seqs(*calls.read(log, 1, 100, 1)) == Seqs{1});  // at least one, or nobody would ever get past it
  CHECK(seqs(*calls.read(log, 1, 100, 0)) == Seqs{1});
}

TEMPLATE_TEST_CASE("only what a snapshot covers is trimmed", "[backend][logs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto log = log_id(1);
  for (std::uint64_t last = 0; last < 5; ++last) REQUIRE(calls.append(log, last, text("entry")).ok());

  CHECK(calls.trim(log, 1).code() == ErrorCode::INVALID_ARGUMENT);
  REQUIRE(calls.snapshot(log, 3, text("fold of 3")).ok());
  CHECK(calls.trim(log, 4).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(calls.trim(log, UINT64_MAX).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(seqs(*calls.read(log, 1)) == Seqs{1, 2, 3, 4, 5});

  REQUIRE(calls.trim(log, 2).ok());
  CHECK(seqs(*calls.read(log, 1)) == Seqs{3, 4, 5});
  auto state = calls.load(log);
  CHECK(state->first == 3);
  CHECK(state->last == 5);
  CHECK(state->snapshot_seq == 3);
  CHECK(state->snapshot == text("fold of 3"));

  CHECK(calls.trim(log, 1).ok());  // gone already
  CHECK(calls.trim(log, 3).ok());
  CHECK(seqs(*calls.read(log, 1)) == Seqs{4, 5});

  SECTION("a log that is trimmed to its end goes on where it was, also after reopening") {
    REQUIRE(calls.snapshot(log, 5, text("fold of 5")).ok());
    REQUIRE(calls.trim(log, 5).ok());
    form.reopen();
    Calls again(form.backend());
    state = again.load(log);
    CHECK(state->first == 6);
    CHECK(state->last == 5);
    CHECK(again.read(log, 1)->empty());
    CHECK(again.append(log, 0, text("as if new")).code() == ErrorCode::CONFLICT);
    CHECK(*again.append(log, 5, text("six")) == 6);
    CHECK(again.load(log)->first == 6);
    CHECK(again.load(log)->last == 6);
  }
}

TEMPLATE_TEST_CASE("a log that refused an append takes no snapshot and no trim in the same run", "[backend][logs]",
                   MemoryForm, SqliteForm) {
  TestType form;
  Backend& b = form.backend();
  Calls calls(b);
  REQUIRE(calls.append(log_id(1), 0, text("somebody else's")).ok());
  REQUIRE(calls.append(log_id(2), 0, text("a")).ok());
  std::vector<bool> done;
  const auto note = [&](const auto& result) { done.push_back(result.ok()); };
  b.append(log_id(1), 0, text("mine"), note);
  b.snapshot(log_id(1), 1, text("of mine"), note);
  b.trim(log_id(1), 1, note);
  b.snapshot(log_id(2), 1, text("of a"), note);
  b.run();
  CHECK(done == std::vector<bool>{false, false, false, true});
  CHECK(seqs(*calls.read(log_id(1), 1)) == std::vector<std::uint64_t>{1});
  CHECK(calls.snapshot(log_id(1), 1, text("of what is there")).ok());
}

TEMPLATE_TEST_CASE("a newer snapshot replaces an older one", "[backend][logs]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const auto log = log_id(1);
  CHECK(calls.snapshot(log, 1, text("of nothing")).code() == ErrorCode::INVALID_ARGUMENT);
  for (std::uint64_t last = 0; last < 4; ++last) REQUIRE(calls.append(log, last, text("entry")).ok());

  REQUIRE(calls.snapshot(log, 2, text("two")).ok());
  REQUIRE(calls.snapshot(log, 4, text("four")).ok());
  CHECK(calls.load(log)->snapshot == text("four"));
  REQUIRE(calls.snapshot(log, 3, text("three, late")).ok());
  CHECK(calls.load(log)->snapshot_seq == 4);
  CHECK(calls.load(log)->snapshot == text("four"));
  REQUIRE(calls.snapshot(log, 4, text("four, again")).ok());
  CHECK(calls.load(log)->snapshot == text("four, again"));
  CHECK(calls.snapshot(log, 5, text("ahead")).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(calls.snapshot(log, UINT64_MAX, text("far ahead")).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(calls.snapshot(log, 4, Bytes(most_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  CHECK(calls.load(log)->snapshot == text("four, again"));
  CHECK(calls.snapshot(log, 4, Bytes(most_bytes, 7)).ok());
  CHECK(calls.load(log)->snapshot.size() == most_bytes);
}

}  // namespace
}  // namespace sotto::relay::test
