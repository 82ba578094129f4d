// What every form of the backend keeps to: records.
#include "forms.h"

namespace sotto::relay::test {
namespace {

std::vector<std::string> keys(const std::vector<Record>& records) {
  std::vector<std::string> out;
  for (const auto& record : records) out.push_back(to_hex(record.key));
  return out;
}
using Keys = std::vector<std::string>;

TEMPLATE_TEST_CASE("a record is put if its revision is the expected one", "[backend][records]", MemoryForm,
                   SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const Bytes key = text("device/1");

  CHECK(calls.get(key)->revision == 0);
  CHECK(calls.get(key)->key == key);
  CHECK(calls.put(key, text("a"), 1).code() == ErrorCode::CONFLICT);
  const auto first = calls.put(key, text("a"), 0);
  REQUIRE(first.ok());
  CHECK(*first > 0);
  CHECK(calls.put(key, text("b"), 0).code() == ErrorCode::CONFLICT);
  const auto second = calls.put(key, text("b"), *first);
  REQUIRE(second.ok());
  CHECK(*second > *first);
  CHECK(calls.put(key, text("c"), *first).code() == ErrorCode::CONFLICT);
  CHECK(calls.put(key, text("c"), UINT64_MAX).code() == ErrorCode::CONFLICT);
  CHECK(calls.get(key)->value == text("b"));
  CHECK(calls.get(key)->revision == *second);

  const auto third = calls.put(key, {});  // whatever it is; an empty value is a value
  CHECK(*third > *second);
  CHECK(calls.get(key)->value.empty());
  CHECK(calls.get(key)->revision == *third);

  SECTION("a removed record does not exist, and its revisions never come again") {
    REQUIRE(calls.remove(key).ok());
    CHECK(calls.get(key)->revision == 0);
    CHECK(calls.remove(key).ok());
    CHECK(calls.put(key, text("d"), *third).code() == ErrorCode::CONFLICT);
    form.reopen();
    Calls again(form.backend());
    const auto fourth = again.put(key, text("d"), 0);
    REQUIRE(fourth.ok());
    CHECK(*fourth > *third);
  }
}

TEMPLATE_TEST_CASE("keys and values have limits", "[backend][records]", MemoryForm, SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  const Bytes longest(128, 0xFF);
  CHECK(calls.put(longest, Bytes(most_bytes, 1)).ok());
  CHECK(calls.get(longest)->value.size() == most_bytes);
  CHECK(calls.put(longest, Bytes(most_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  for (const auto& bad : {Bytes(129, 1), Bytes()}) {
    CHECK(calls.put(bad, text("v")).code() == ErrorCode::INVALID_ARGUMENT);
    CHECK(calls.get(bad).code() == ErrorCode::INVALID_ARGUMENT);
    CHECK(calls.remove(bad).code() == ErrorCode::INVALID_ARGUMENT);
  }
  CHECK(calls.scan(Bytes(129, 1)).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(calls.scan({}, Bytes(129, 1)).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(keys(*calls.scan({})) == Keys{std::string(256, 'f')});
}

TEMPLATE_TEST_CASE("a scan gives the keys with a prefix, in the order of their bytes", "[backend][records]", MemoryForm,
                   SqliteForm) {
  TestType form;
  Calls calls(form.backend());
  for (const auto* key : {"00", "01", "0100", "01ff", "01ff00", "01ffff", "02", "7f", "80", "ff", "ff00", "ffff"}) {
    REQUIRE(calls.put(from_hex(key), text(key)).ok());
  }

  CHECK(keys(*calls.scan(from_hex("01"))) == Keys{"01", "0100", "01ff", "01ff00", "01ffff"});
  CHECK(keys(*calls.scan(from_hex("01ff"))) == Keys{"01ff", "01ff00", "01ffff"});
  CHECK(keys(*calls.scan(from_hex("ff"))) == Keys{"ff", "ff00", "ffff"});
  CHECK(keys(*calls.scan(from_hex("ffff"))) == Keys{"ffff"});
  CHECK(calls.scan(from_hex("ffffff"))->empty());
  CHECK(calls.scan(from_hex("03"))->empty());
  CHECK(calls.scan({})->size() == 12);

  SECTION("after a key, of which there need be none") {
    CHECK(keys(*calls.scan(from_hex("01"), from_hex("0100"))) == Keys{"01ff", "01ff00", "01ffff"});
    CHECK(keys(*calls.scan(from_hex("01"), from_hex("01"))) == Keys{"0100", "01ff", "01ff00", "01ffff"});
    CHECK(keys(*calls.scan(from_hex("01"), from_hex("0150"))) == Keys{"01ff", "01ff00", "01ffff"});
    CHECK(keys(*calls.scan({}, from_hex("80"))) == Keys{"ff", "ff00", "ffff"});
    CHECK(calls.scan({}, from_hex("ffff"))->empty());
    CHECK(calls.scan(from_hex("01"), from_hex("01ffff"))->empty());
  }
  SECTION("after a key outside of the prefix") {
    CHECK(calls.scan(from_hex("01"), from_hex("00"))->size() == 5);
    CHECK(calls.scan(from_hex("01"), from_hex("02"))->empty());
    CHECK(calls.scan(from_hex("01"), from_hex("0200"))->empty());
  }
  SECTION("in pages") {
    Keys all;
    Bytes after;
    for (;;) {
      const auto page = calls.scan(from_hex("01"), after, 2);
      REQUIRE(page.ok());
      CHECK(page->size() <= 2);
      if (page->empty()) break;
      after = page->back().key;
      for (const auto& key : keys(*page)) all.push_back(key);
    }
    CHECK(all == Keys{"01", "0100", "01ff", "01ff00", "01ffff"});
    CHECK(calls.scan(from_hex("01"), {}, 0)->empty());
  }
  SECTION("with values and revisions") {
    const auto found = calls.scan(from_hex("7f"));
    REQUIRE(found->size() == 1);
    CHECK(found->at(0).value == text("7f"));
    CHECK(found->at(0).revision == calls.get(from_hex("7f"))->revision);
  }
  SECTION("without what was removed") {
    REQUIRE(calls.remove(from_hex("01ff")).ok());
    CHECK(keys(*calls.scan(from_hex("01ff"))) == Keys{"01ff00", "01ffff"});
  }
}

}  // namespace
}  // namespace sotto::relay::test
