// What every form of the backend keeps to: runs, their order, and what is left after a failure.
#include "crypto/hash.h"
#include "forms.h"

namespace sotto::relay::test {
namespace {

/// A completion that notes its number and its code (SUCCESS is "ok").
template <typename T>
Backend::Done<T> note(std::vector<std::string>& to, std::string name) {
  return [&to, name = std::move(name)](Result<T> result) {
    to.push_back(name + " " + (result.ok() ? "ok" : std::string(error_name(result.error().code))));
  };
}
using Notes = std::vector<std::string>;

TEMPLATE_TEST_CASE("completions come from run, in the order of the calls, each once", "[backend]", MemoryForm,
                   SqliteForm) {
  TestType form;
  Backend& b = form.backend();
  Notes notes;
  CHECK(b.idle());
  b.append(log_id(1), 0, text("a"), note<std::uint64_t>(notes, "append"));
  b.get(text("k"), note<Record>(notes, "get"));
  b.append(log_id(1), 0, text("b"), note<std::uint64_t>(notes, "append"));
  b.append(log_id(1), 1, Bytes(most_bytes + 1), note<std::uint64_t>(notes, "append"));
  b.put(text("k"), text("v"), 0, note<std::uint64_t>(notes, "put"));
  b.blob_read(blob_id(1), 0, 1, note<Bytes>(notes, "blob_read"));
  b.trim(log_id(2), 1, note<void>(notes, "trim"));
  b.append(log_id(1), 1, text("c"), note<std::uint64_t>(notes, "append"));
  CHECK_FALSE(b.idle());
  CHECK(notes.empty());
  b.run();
  CHECK(b.idle());
  // Blobs have an order of their own.
  CHECK(notes == Notes{"append ok", "get ok", "append CONFLICT", "append TOO_LARGE", "put ok", "trim INVALID_ARGUMENT",
                       "append ok", "blob_read NOT_FOUND"});
  b.run();
  CHECK(notes.size() == 8);
  CHECK(seqs(*Calls(b).read(log_id(1), 1)) == std::vector<std::uint64_t>{1, 2});
}

TEMPLATE_TEST_CASE("within a run a read sees the writes before it, and only those", "[backend]", MemoryForm,
                   SqliteForm) {
  TestType form;
  Backend& b = form.backend();
  Notes values;
  const auto value = [&](Result<Record> record) { values.push_back(to_string(record->value)); };
  b.get(text("k"), value);
  b.put(text("k"), text("one"), 0, {});
  b.get(text("k"), value);
  b.put(text("k"), text("two"), std::nullopt, {});
  b.get(text("k"), value);
  b.remove(text("k"), {});
  b.get(text("k"), value);
  b.append(log_id(1), 0, text("a"), {});
  b.append(log_id(1), 1, text("b"), {});
  b.load(log_id(1), [&](Result<LogState> state) { values.push_back(std::to_string(state->last)); });
  b.snapshot(log_id(1), 2, text("s"), {});
  b.trim(log_id(1), 1, {});
  b.read(log_id(1), 1, 10, 100, [&](auto records) { values.push_back(std::to_string(records->at(0).seq)); });
  b.run();
  CHECK(values == Notes{"", "one", "two", "", "2", "2"});
}

TEMPLATE_TEST_CASE("a completion may queue more, for the next run", "[backend]", MemoryForm, SqliteForm) {
  TestType form;
  Backend& b = form.backend();
  Notes notes;
  b.append(log_id(1), 0, text("a"), [&](Result<std::uint64_t> seq) {
    notes.push_back("first");
    b.append(log_id(1), *seq, text("b"), note<std::uint64_t>(notes, "second"));
    b.run();  // nothing happens inside of a run
  });
  b.get(text("k"), note<Record>(notes, "get"));
  b.run();
  CHECK(notes == Notes{"first", "get ok"});
  CHECK_FALSE(b.idle());
  b.run();
  CHECK(notes == Notes{"first", "get ok", "second ok"});
}

TEMPLATE_TEST_CASE("a backend that is destroyed drops its queue", "[backend]", MemoryForm, SqliteForm) {
  TestType form;
  Notes notes;
  form.backend().append(log_id(1), 0, text("a"), note<std::uint64_t>(notes, "append"));
  form.reopen();
  CHECK(notes.empty());
  CHECK(form.backend().idle());
  CHECK(Calls(form.backend()).load(log_id(1))->last == 0);
}

TEMPLATE_TEST_CASE("a batch of 10,000 appends is one run", "[backend]", MemoryForm, SqliteForm) {
  TestType form;
  Backend& b = form.backend();
  std::vector<std::uint64_t> got;
  std::array<std::uint64_t, 7> last{};
  for (std::size_t i = 0; i < 10'000; ++i) {
    auto& log = last[i % 7];
    b.append(log_id(static_cast<std::uint8_t>(i % 7)), log++, Bytes(100), [&](auto seq) { got.push_back(*seq); });
  }
  b.run();
  REQUIRE(got.size() == 10'000);
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == i / 7 + 1);
  form.crash();
  CHECK(Calls(form.backend()).load(log_id(0))->last == last[0]);
  CHECK(Calls(form.backend()).load(log_id(6))->last == last[6]);
}

TEMPLATE_TEST_CASE("if the storage fails, nothing of the run is stored and every write is told", "[backend]",
                   MemoryForm, SqliteForm) {
  TestType form;
  Backend& b = form.backend();
  Calls calls(b);
  REQUIRE(calls.append(log_id(1), 0, text("before")).ok());
  REQUIRE(calls.put(text("k"), text("before"), 0).ok());

  form.break_storage();
  Notes notes;
  std::string seen;
  b.append(log_id(1), 1, text("lost"), note<std::uint64_t>(notes, "append"));
  b.append(log_id(1), 1, text("would be a conflict"), note<std::uint64_t>(notes, "append"));
  b.put(text("k"), text("lost"), std::nullopt, note<std::uint64_t>(notes, "put"));
  b.append(log_id(1), 2, Bytes(most_bytes + 1), note<std::uint64_t>(notes, "append"));
  b.remove(text("k"), note<void>(notes, "remove"));
  b.blob_begin(blob_id(1), new_blob(text("abc")), note<BlobState>(notes, "blob_begin"));
  b.get(text("k"), [&](Result<Record> record) {
    notes.push_back("get");
    seen = to_string(record->value);
  });
  b.load(log_id(1), [&](Result<LogState> state) { seen += " " + std::to_string(state->last); });
  b.run();
  CHECK(notes == Notes{"append UNAVAILABLE", "append UNAVAILABLE", "put UNAVAILABLE", "append TOO_LARGE",
                       "remove UNAVAILABLE", "get", "blob_begin UNAVAILABLE"});
  CHECK(seen == "before 1");  // reads tell what is stored
  CHECK(calls.append(log_id(1), 1, text("still broken")).code() == ErrorCode::UNAVAILABLE);
  CHECK(calls.load(log_id(1))->last == 1);

  form.mend_storage();
  CHECK(*calls.append(log_id(1), 1, text("after")) == 2);
  form.crash();
  Calls again(form.backend());
  const auto records = again.read(log_id(1), 1);
  REQUIRE(records->size() == 2);
  CHECK(records->at(1).data == text("after"));
  CHECK(again.get(text("k"))->value == text("before"));
  CHECK_FALSE(again.blob_state(blob_id(1))->has_value());
}

TEMPLATE_TEST_CASE("what was completed survives closing and crashing", "[backend]", MemoryForm, SqliteForm) {
  TestType form;
  const bool crash = GENERATE(false, true);
  const auto incarnation = form.backend().incarnation();
  CHECK(incarnation.size() == 16);
  std::uint64_t revision = 0;
  {
    Calls calls(form.backend());
    for (std::uint64_t last = 0; last < 20; ++last) REQUIRE(calls.append(log_id(1), last, text("entry")).ok());
    REQUIRE(calls.snapshot(log_id(1), 12, text("fold")).ok());
    REQUIRE(calls.trim(log_id(1), 10).ok());
    revision = *calls.put(text("k"), text("v"), 0);
    REQUIRE(calls.blob_begin(blob_id(1), new_blob(text("abc"))).ok());
    REQUIRE(calls.blob_write(blob_id(1), 0, text("abc")).ok());
  }
  if (crash) {
    form.crash();
  } else {
    form.reopen();
  }
  Calls calls(form.backend());
  const auto state = calls.load(log_id(1));
  CHECK(state->first == 11);
  CHECK(state->last == 20);
  CHECK(state->snapshot_seq == 12);
  CHECK(state->snapshot == text("fold"));
  CHECK(calls.get(text("k"))->revision == revision);
  CHECK(*calls.blob_read(blob_id(1), 0, 9) == text("abc"));
  CHECK(form.backend().incarnation() == incarnation);
}

TEMPLATE_TEST_CASE("a store that is restored from a backup has another incarnation", "[backend]", MemoryForm,
                   SqliteForm) {
  TestType form;
  const auto incarnation = form.backend().incarnation();
  const auto revision = *Calls(form.backend()).put(text("k"), text("v"));
  form.restore();
  CHECK(form.backend().incarnation() != incarnation);
  CHECK(form.backend().incarnation().size() == 16);
  Calls calls(form.backend());
  CHECK(calls.get(text("k"))->revision == revision);
  CHECK(*calls.put(text("k"), text("w"), revision) > revision);
  const auto renewed = form.backend().incarnation();
  form.reopen();
  CHECK(form.backend().incarnation() == renewed);
}

}  // namespace
}  // namespace sotto::relay::test
