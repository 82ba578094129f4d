#include "base/random.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "support/catch.h"

using namespace sotto;

namespace {

/// Gives 64-bit numbers from a list.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::vector<std::uint64_t> numbers) : numbers_(std::move(numbers)) {}
  void fill(std::span<std::uint8_t> out) override {
    REQUIRE(out.size() == 8);
    REQUIRE(used_ < numbers_.size());
    std::memcpy(out.data(), &numbers_[used_++], 8);
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::vector<std::uint64_t> numbers_;
  std::size_t used_ = 0;
};

}  // namespace

TEST_CASE("below stays below its bound") {
  SeededRandom random(1);
  for (const std::uint64_t bound : {std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{10}, std::uint64_t{1} << 32,
                                    (std::uint64_t{1} << 63) + 1, UINT64_MAX}) {
    bool inside = true;
    for (int i = 0; i < 1000; ++i) inside = inside && random.below(bound) < bound;
    CHECK(inside);
  }
  CHECK(random.below(1) == 0);
  CHECK(random.below(0) == 0);
}

TEST_CASE("below gives every value of a small range") {
  SeededRandom random(2);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(6));
  CHECK(seen == std::set<std::uint64_t>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("below draws again rather than favour small values") {
  // 2^64 is not a multiple of 10: the numbers of the incomplete last ten are not used.
  ScriptedRandom random({UINT64_MAX, UINT64_MAX - UINT64_MAX % 10, 27});
  CHECK(random.below(10) == 7);
  CHECK(random.used() == 3);
  ScriptedRandom last({UINT64_MAX - UINT64_MAX % 10 - 1});
  CHECK(last.below(10) == 9);
}

TEST_CASE("a seed gives the same bytes again, and another seed gives others") {
  SeededRandom one(7);
  SeededRandom same(7);
  SeededRandom other(8);
  std::array<std::uint8_t, 37> a{};
  std::array<std::uint8_t, 37> b{};
  std::array<std::uint8_t, 37> c{};
  one.fill(a);
  same.fill(b);
  other.fill(c);
  CHECK(a == b);
  CHECK(a != c);
  one.fill(b);
  CHECK(a != b);
}

TEST_CASE("splitmix64 gives its known values") {
  SeededRandom random(1234567);
  std::uint64_t value = 0;
  std::array<std::uint8_t, 8> raw{};
  for (const std::uint64_t expected : {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL}) {
    random.fill(raw);
    std::memcpy(&value, raw.data(), sizeof value);
    CHECK(value == expected);
  }
}

TEST_CASE("the system's generator fills what it is given and does not repeat") {
  SystemRandom random;
  Bytes one(1000);
  Bytes two(1000);
  random.fill(one);
  random.fill(two);
  CHECK(one != two);
  CHECK(std::ranges::count(one, 0) < 500);
  random.fill({});
}

TEST_CASE("A buffered source gives the bytes of its own source, each of them once") {
  class Counting final : public Random {
   public:
    void fill(std::span<std::uint8_t> out) override {
      ++calls;
      for (auto& byte : out) byte = static_cast<std::uint8_t>(next++ % 251);
    }
    std::size_t calls = 0;
    std::size_t next = 0;
  };
  Counting source;
  BufferedRandom random(source);
  std::vector<std::uint8_t> given;
  for (int i = 0; i < 64; ++i) {
    std::array<std::uint8_t, 16> piece{};
    random.fill(piece);
    given.insert(given.end(), piece.begin(), piece.end());
  }
  CHECK(source.calls == 1);
  for (std::size_t i = 0; i < given.size(); ++i) CHECK(given[i] == i % 251);
  // What does not fit into what is left begins anew, and what fits into no buffer comes from the source itself.
  std::array<std::uint8_t, 5> small{};
  random.fill(small);
  CHECK(source.calls == 2);
  CHECK(small[0] == given.size() % 251);
  std::vector<std::uint8_t> large(5000);
  const auto before = source.next;
  random.fill(large);
  CHECK(source.calls == 3);
  CHECK(large.front() == before % 251);
  random.fill(small);
  CHECK(source.calls == 3);
  CHECK(small[0] == (given.size() + 5) % 251);
}
