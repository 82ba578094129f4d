#include "base/siphash.h"

#include <array>

#include "support/catch.h"

using namespace sotto;

TEST_CASE("SipHash-2-4 gives the values of its authors' reference") {
  // Key 00 01 .. 0f; the input of entry n is 00 01 .. n-1. Values are little-endian.
  constexpr std::array<std::string_view, 17> expected = {
      "310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785", "b7877127e09427cf",
      "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab", "6224939a79f5f593", "b0e4a90bdf82009e",
      "f3b9dd94c5bb5d7a", "a7ad6b22462fb3f4", "fbe50e86bc8f1e75", "903d84c02756ea14", "eef27a8e90ca23f7",
      "e545be4961ca29a1", "db9bc2577fcc2a3f"};
  SipKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  Bytes input;
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const std::uint64_t hash = siphash(key, input);
    Bytes little_endian;
    for (int shift = 0; shift < 64; shift += 8) little_endian.push_back(static_cast<std::uint8_t>(hash >> shift));
    CHECK(to_hex(little_endian) == expected[n]);
    input.push_back(static_cast<std::uint8_t>(n));
  }
}
