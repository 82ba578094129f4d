#include "mls/padme.h"

#include "support/catch.h"

using sotto::mls::padme;

TEST_CASE("Padmé pads to lengths with few significant bits", "[mls][padme]") {
  CHECK(padme(0) == 0);
  CHECK(padme(1) == 1);
  CHECK(padme(8) == 8);
  CHECK(padme(9) == 10);
  CHECK(padme(100) == 104);
  CHECK(padme(1000) == 1024);
  CHECK(padme(65537) == 67584);
}

TEST_CASE("Padmé never shortens, adds at most an eighth, and is stable", "[mls][padme]") {
  for (std::size_t length = 0; length < 100000; ++length) {
    const auto padded = padme(length);
    REQUIRE(padded >= length);
    REQUIRE(padded - length <= length / 8 + 1);
    REQUIRE(padme(padded) == padded);
  }
}
