#include "base/ids.h"

#include <unordered_set>

#include "support/catch.h"

using namespace sotto;

namespace {
Timestamp at(std::int64_t milliseconds) { return Timestamp(std::chrono::milliseconds(milliseconds)); }
constexpr std::int64_t noon = 1'700'000'000'000;
}  // namespace

TEST_CASE("an id is 32 hexadecimal digits and back") {
  const std::string text = "000102030405060708090a0b0c0d0eff";
  const auto id = UserId::parse(text);
  REQUIRE(id.has_value());
  CHECK(id->to_string() == text);
  CHECK(id->bytes[15] == 0xFF);
  CHECK(UserId::parse("000102030405060708090A0B0C0D0EFF") == id);
  CHECK_FALSE(id->is_zero());
  CHECK(UserId{}.is_zero());
  CHECK(UserId{}.to_string() == std::string(32, '0'));
}

TEST_CASE("text that is not an id is refused") {
  for (const std::string_view text :
       {"", "00", "000102030405060708090a0b0c0d0ef", "000102030405060708090a0b0c0d0eff0",
        "000102030405060708090a0b0c0d0efg", "00010203-0405-0607-0809-0a0b0c0d", " 00102030405060708090a0b0c0d0eff"}) {
    CHECK_FALSE(UserId::parse(text).has_value());
  }
}

TEST_CASE("an id comes from exactly 16 bytes") {
  Bytes bytes(16, 7);
  const auto id = id_from<ChatId>(bytes);
  REQUIRE(id.has_value());
  CHECK(to_bytes(*id) == bytes);
  CHECK(equal(view(*id), bytes));
  CHECK(to_string_bytes(*id) == std::string(16, '\x07'));
  CHECK_FALSE(id_from<ChatId>(Bytes(15)).has_value());
  CHECK_FALSE(id_from<ChatId>(Bytes(17)).has_value());
  CHECK_FALSE(id_from<ChatId>({}).has_value());
}

TEST_CASE("random ids differ and can be keys of a hash table") {
  SeededRandom random(1);
  std::unordered_set<DeviceId> seen;
  for (int i = 0; i < 1000; ++i) CHECK(seen.insert(random_id<DeviceId>(random)).second);
  SeededRandom again(1);
  CHECK(seen.contains(random_id<DeviceId>(again)));
}

TEST_CASE("sortable ids have the layout of UUIDv7 and carry their time") {
  SeededRandom random(2);
  SortableIds ids(random);
  const auto id = ids.next(at(noon));
  CHECK(id.to_string().substr(0, 12) == "018bcfe56800");
  CHECK(id.bytes[6] >> 4 == 7);
  CHECK(id.bytes[8] >> 6 == 2);
  CHECK(time_of(id) == at(noon));
}

TEST_CASE("sortable ids grow with the clock") {
  SeededRandom random(3);
  SortableIds ids(random);
  auto last = ids.next(at(noon));
  for (int i = 1; i < 1000; ++i) {
    const auto id = ids.next(at(noon + i));
    CHECK(last < id);
    CHECK(time_of(id) == at(noon + i));
    last = id;
  }
}

TEST_CASE("sortable ids grow while the clock stands still, also beyond what one millisecond holds") {
  SeededRandom random(4);
  SortableIds ids(random);
  auto last = ids.next(at(noon));
  bool increasing = true;
  for (int i = 1; i < 10'000; ++i) {
    const auto id = ids.next(at(noon));
    increasing = increasing && last < id && last.to_string() < id.to_string();
    last = id;
  }
  CHECK(increasing);
  CHECK(time_of(last) == at(noon + 2));  // 4,096 in each millisecond
}

TEST_CASE("sortable ids grow when the clock jumps back, and follow it when it has caught up") {
  SeededRandom random(5);
  SortableIds ids(random);
  auto last = ids.next(at(noon));
  for (const std::int64_t now : {noon - 1, noon - 3'600'000, std::int64_t{0}, std::int64_t{-5}, noon}) {
    const auto id = ids.next(at(now));
    CHECK(last < id);
    CHECK(time_of(id) == at(noon));
    last = id;
  }
  const auto id = ids.next(at(noon + 1));
  CHECK(last < id);
  CHECK(time_of(id) == at(noon + 1));
}
