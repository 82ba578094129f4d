#include "base/bytes.h"

#include <memory>
#include <new>
#include <type_traits>

#include "support/catch.h"

using namespace sotto;

namespace {
using Key = SecretArray<struct TestKeyTag, 4>;
using OtherKey = SecretArray<struct OtherTestKeyTag, 4>;
using Digest = ByteArray<struct TestDigestTag, 4>;
using OtherDigest = ByteArray<struct OtherTestDigestTag, 4>;

Key test_key() {
  Key key;
  REQUIRE(assign_exact(key, from_hex("01020304")));
  return key;
}
}  // namespace

TEST_CASE("bytes and hexadecimal turn into each other") {
  CHECK(to_hex(from_hex("00017f80ff")) == "00017f80ff");
  CHECK(from_hex("DEADbeef") == Bytes{0xde, 0xad, 0xbe, 0xef});
  CHECK(to_hex({}).empty());
  CHECK(from_hex("").empty());
}

TEST_CASE("text that is not hexadecimal gives nothing") {
  for (const std::string_view text : {"0", "abc", "0g", "g0", "0x", " 00", "00 ", "+1", "\xff\xff"}) {
    CHECK(from_hex(text).empty());
  }
  CHECK(from_hex(std::string_view("0\0", 2)).empty());
}

TEST_CASE("parts are joined in order") {
  CHECK(to_string(concat({as_bytes("ab"), {}, as_bytes("c")})) == "abc");
  CHECK(concat({}).empty());
  Bytes bytes = to_bytes("a");
  append(bytes, as_bytes("bc"));
  CHECK(as_text(bytes) == "abc");
}

TEST_CASE("bytes are equal if length and content are") {
  CHECK(equal(as_bytes("abc"), as_bytes("abc")));
  CHECK(equal({}, {}));
  CHECK_FALSE(equal(as_bytes("abc"), as_bytes("abd")));
  CHECK_FALSE(equal(as_bytes("abc"), as_bytes("ab")));
}

TEST_CASE("secure_zero overwrites every byte, and takes nothing too") {
  Bytes bytes(100, 0xAA);
  secure_zero(bytes);
  CHECK(bytes == Bytes(100, 0));
  secure_zero({});
}

TEST_CASE("secrets are moved and cloned, but not copied, nor taken for another kind") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<SecretBytes>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<SecretBytes>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<SecretBytes>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Key>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<Key>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Key>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<Key, OtherKey>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Key, OtherKey>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<OtherDigest, Digest>);
}

TEST_CASE("SecretBytes leaves nothing where it was moved from") {
  SecretBytes secret(as_bytes("secret"));
  SecretBytes moved(std::move(secret));
  CHECK(as_text(moved.view()) == "secret");
  CHECK(secret.empty());  // NOLINT(bugprone-use-after-move): this is what is tested.

  SecretBytes target(as_bytes("an older secret"));
  target = std::move(moved);
  CHECK(as_text(target.view()) == "secret");
  CHECK(moved.empty());  // NOLINT(bugprone-use-after-move)

  auto& itself = target;
  target = std::move(itself);
  CHECK(as_text(target.view()) == "secret");
}

TEST_CASE("a clone of SecretBytes lives by itself") {
  SecretBytes secret(to_bytes("secret"));
  const auto clone = secret.clone();
  secret.wipe();
  CHECK(secret.empty());
  CHECK(secret.size() == 0);
  CHECK(as_text(clone.view()) == "secret");
}

TEST_CASE("SecretBytes of a size start as zeros and can be written") {
  SecretBytes secret(3);
  CHECK(to_hex(secret.view()) == "000000");
  secret.mutable_view()[1] = 0xAB;
  CHECK(to_hex(secret.view()) == "00ab00");
}

TEST_CASE("SecretArray zeroes its source when moved, and itself when wiped") {
  Key key = test_key();
  Key moved(std::move(key));
  CHECK(to_hex(moved.view()) == "01020304");
  CHECK(to_hex(key.view()) == "00000000");  // NOLINT(bugprone-use-after-move)

  Key target;
  target = std::move(moved);
  CHECK(to_hex(target.view()) == "01020304");
  CHECK(to_hex(moved.view()) == "00000000");  // NOLINT(bugprone-use-after-move)

  const Key clone = target.clone();
  target.wipe();
  CHECK(to_hex(target.view()) == "00000000");
  CHECK(to_hex(clone.view()) == "01020304");
}

TEST_CASE("SecretArray leaves zeros in memory at its end") {
  alignas(Key) std::array<std::uint8_t, sizeof(Key)> memory{};
  auto* key = new (memory.data()) Key(test_key());  // NOLINT(cppcoreguidelines-owning-memory): placed, not owned.
  CHECK(to_hex(memory) == "01020304");
  std::destroy_at(key);
  CHECK(to_hex(memory) == "00000000");
}

TEST_CASE("fixed arrays take bytes of exactly their length") {
  Key key;
  Digest digest;
  CHECK(assign_exact(key, from_hex("0a0b0c0d")));
  CHECK(assign_exact(digest, from_hex("0a0b0c0d")));
  for (const std::string_view wrong : {"", "0a0b0c", "0a0b0c0d0e"}) {
    CHECK_FALSE(assign_exact(key, from_hex(wrong)));
    CHECK_FALSE(assign_exact(digest, from_hex(wrong)));
  }
  CHECK(to_hex(key.view()) == "0a0b0c0d");
  CHECK(to_hex(digest.view()) == "0a0b0c0d");
}

TEST_CASE("fixed arrays of public bytes are ordered as their bytes") {
  Digest low;
  Digest high;
  REQUIRE(assign_exact(low, from_hex("00ffffff")));
  REQUIRE(assign_exact(high, from_hex("01000000")));
  CHECK(low < high);
  CHECK(low == low);
  CHECK_FALSE(low == high);
}
