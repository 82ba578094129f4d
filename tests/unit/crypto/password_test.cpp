#include "crypto/password.h"

#include "crypto_test.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

PasswordSalt salt_of(std::string_view text) {
  PasswordSalt salt;
  REQUIRE(assign_exact(salt, as_bytes(text)));
  return salt;
}

constexpr PasswordCost least{1, 8};

}  // namespace

TEST_CASE("Argon2id gives the known values") {
  // From libsodium's tests, with an empty password:
  // $argon2id$v=19$m=4882,t=2,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE
  const auto empty =
      derive_from_password({}, array_from_hex<PasswordSalt>("6c0f356abb225f2b1ddd66d34739843b"), {2, 4882}, 32);
  REQUIRE(empty.ok());
  CHECK(to_hex(empty->view()) == "366f1004cfbb447d435e8f6bbe9e5cc0a10e38e7c3da0e89bb19578a1a0d7291");

  // Made with another implementation (OpenSSL 4.0).
  const auto longer =
      derive_from_password(as_bytes("correct horse battery staple"), salt_of("0123456789abcdef"), {3, 64}, 64);
  REQUIRE(longer.ok());
  CHECK(to_hex(longer->view()) ==
        "72ed71d22c4a1bf7fb92b5772adef0e35b8cb69458b0be7056ae12a41996a9cd"
        "f4688e5063752d72f508ea057ae5b3c6af07d088099f0d7c6b15efb5c96ef820");
}

TEST_CASE("a passphrase gives the same key again, and no two passphrases, salts or costs give the same") {
  const auto salt = salt_of("0123456789abcdef");
  const auto hex = [](const Result<SecretBytes>& key) { return to_hex(key.value().view()); };
  const auto key = hex(derive_from_password(as_bytes("correct horse"), salt, least, 32));
  CHECK(hex(derive_from_password(as_bytes("correct horse"), salt, least, 32)) == key);
  CHECK(hex(derive_from_password(as_bytes("correct horsf"), salt, least, 32)) != key);
  CHECK(hex(derive_from_password(as_bytes("correct horse"), salt_of("0123456789abcdeg"), least, 32)) != key);
  CHECK(hex(derive_from_password(as_bytes("correct horse"), salt, {2, 8}, 32)) != key);
  CHECK(hex(derive_from_password(as_bytes("correct horse"), salt, {1, 9}, 32)) != key);
}

TEST_CASE("lengths from 16 to 64 bytes can be asked for") {
  const PasswordSalt salt;
  for (const std::size_t length : {16U, 32U, 64U}) {
    const auto key = derive_from_password(as_bytes("p"), salt, least, length);
    REQUIRE(key.ok());
    CHECK(key->size() == length);
  }
  for (const std::size_t length : {0U, 15U, 65U}) {
    CHECK(derive_from_password(as_bytes("p"), salt, least, length).code() == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("costs below the least are refused") {
  const PasswordSalt salt;
  CHECK(derive_from_password(as_bytes("p"), salt, {0, 8}, 32).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(derive_from_password(as_bytes("p"), salt, {1, 7}, 32).code() == ErrorCode::INVALID_ARGUMENT);
  CHECK(derive_from_password(as_bytes("p"), salt, {1, 0}, 32).code() == ErrorCode::INVALID_ARGUMENT);
}
