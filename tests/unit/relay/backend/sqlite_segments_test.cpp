// What the form over SQLite does with entries that came lately: segments, and rows for those that stay.
#include "forms.h"
#include "relay/backend/sqlite_backend.h"

namespace sotto::relay::test {
namespace {

TEST_CASE("what was trimmed of a segment of which something is left does not come back", "[backend][sqlite]") {
  SqliteForm form;
  auto& b = form.backend();
  b.append(log_id(1), 0, text("acked by all, and to be found nowhere"), {});
  b.append(log_id(1), 1, text("one"), {});
  b.append(log_id(2), 0, text("two"), {});
  b.run();
  REQUIRE(Calls(b).snapshot(log_id(1), 1, text("fold")).ok());
  REQUIRE(Calls(b).trim(log_id(1), 1).ok());
  const auto check = [&] {
    Calls calls(form.backend());
    CHECK(calls.load(log_id(1))->first == 2);
    CHECK(calls.load(log_id(1))->last == 2);
    CHECK(seqs(*calls.read(log_id(1), 1)) == std::vector<std::uint64_t>{2});
    CHECK(to_string(calls.read(log_id(2), 1)->front().data) == "two");
  };
  check();
  form.crash();
  check();
  REQUIRE(form.sqlite().checkpoint().ok());
  CHECK_FALSE(holds(contents(form.folder()), text("acked by all")));
  check();
  form.reopen();
  check();
  CHECK(form.sqlite().totals().entries == 2);
  CHECK(*Calls(form.backend()).append(log_id(1), 2, text("three")) == 3);
}

TEST_CASE("entries that stay get rows, and are in their order wherever they lie", "[backend][sqlite]") {
  SqliteForm form(4);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t n = 0; n < 20; ++n) {
    REQUIRE(Calls(form.backend()).append(log_id(1), n, text("a")).ok());
    expected.push_back(n + 1);
  }
  auto rows = [&] {
    auto db = store::Database::open_existing(form.folder() + "/relay.db", {});
    REQUIRE(db.ok());
    return std::pair(*(*db)->one<std::int64_t>("SELECT count(*) FROM log_entry").value(),
                     *(*db)->one<std::int64_t>("SELECT count(*) FROM log_segment").value());
  };
  CHECK(rows() == std::pair<std::int64_t, std::int64_t>{16, 4});
  CHECK(seqs(*Calls(form.backend()).read(log_id(1), 1)) == expected);
  form.crash();
  CHECK(seqs(*Calls(form.backend()).read(log_id(1), 1)) == expected);
  CHECK(form.sqlite().totals().entries == 20);
  // A trim in the middle of either part.
  for (const std::uint64_t up_to : {10U, 18U}) {
    REQUIRE(Calls(form.backend()).snapshot(log_id(1), up_to, text("fold")).ok());
    REQUIRE(Calls(form.backend()).trim(log_id(1), up_to).ok());
    CHECK(Calls(form.backend()).load(log_id(1))->first == up_to + 1);
    form.crash();
    CHECK(Calls(form.backend()).load(log_id(1))->first == up_to + 1);
    CHECK(Calls(form.backend()).load(log_id(1))->last == 20);
  }
}

TEST_CASE("a store whose segment is damaged is not opened", "[backend][sqlite]") {
  SqliteForm form;
  REQUIRE(Calls(form.backend()).append(log_id(1), 0, text("a")).ok());
  const auto folder = form.folder();
  form.close();
  {
    auto db = store::Database::open(folder + "/relay.db", {});
    REQUIRE(db.ok());
    const auto data = (*db)->one<Bytes>("SELECT data FROM log_segment").value().value();
    const auto damaged =
        GENERATE_COPY(text("x"), concat({data, text("x")}), concat({data, data}), Bytes(data.begin(), data.end() - 1));
    REQUIRE((*db)->run("UPDATE log_segment SET data = ?", damaged).ok());
  }
  SeededRandom random(9);
  CHECK(SqliteBackend::open(folder, random).code() == ErrorCode::CORRUPT);
}

}  // namespace
}  // namespace sotto::relay::test
