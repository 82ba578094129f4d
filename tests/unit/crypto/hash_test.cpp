#include "crypto/hash.h"

#include "crypto_test.h"

using namespace sotto;
using namespace sotto::crypto;

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples") {
  CHECK(to_hex(sha256(ByteView{}).view()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256(as_bytes("abc")).view()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).view()) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("SHA-256 of parts is the one of their concatenation") {
  CHECK(sha256({as_bytes("a"), {}, as_bytes("bc")}) == sha256(as_bytes("abc")));
  CHECK(sha256({}) == sha256(ByteView{}));
}

TEST_CASE("HMAC-SHA-256 gives the values of RFC 4231") {
  struct Vector {
    Bytes key;
    Bytes data;
    std::string_view mac;
  };
  const std::vector<Vector> vectors = {
      // 4.2 to 4.5
      {Bytes(20, 0x0b), to_bytes("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {to_bytes("Jefe"), to_bytes("what do ya want for nothing?"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {Bytes(20, 0xaa), Bytes(50, 0xdd), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), Bytes(50, 0xcd),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      // 4.7 and 4.8: keys longer than a block of the hash
      {Bytes(131, 0xaa), to_bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {Bytes(131, 0xaa),
       to_bytes("This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
                "be hashed before being used by the HMAC algorithm."),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& [key, data, mac] : vectors) {
    CHECK(to_hex(hmac_sha256(key, {data}).view()) == mac);
    const ByteView view(data);
    CHECK(to_hex(hmac_sha256(key, {view.first(3), {}, view.subspan(3)}).view()) == mac);
  }
}

TEST_CASE("HMAC-SHA-256 takes an empty key and no data") {
  CHECK(to_hex(hmac_sha256({}, {}).view()) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("HKDF gives the values of RFC 5869") {
  struct Vector {
    std::string_view ikm, salt, info;
    std::string_view prk, okm;
  };
  const std::vector<Vector> vectors = {
      // A.1
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
       "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      // A.2: longer inputs and outputs
      {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363"
       "738"
       "393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
       "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969"
       "798"
       "999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
       "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e"
       "7e8"
       "e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b"
       "836"
       "7793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      // A.3: neither salt nor info
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const auto& vector : vectors) {
    const auto prk = hkdf_extract(from_hex(vector.salt), from_hex(vector.ikm));
    CHECK(to_hex(prk.view()) == vector.prk);
    const auto okm = hkdf_expand(prk.view(), from_hex(vector.info), vector.okm.size() / 2);
    CHECK(to_hex(okm.view()) == vector.okm);
  }
}

TEST_CASE("HKDF-Expand gives prefixes of one stream, up to 255 blocks") {
  const Bytes key(32, 7);
  const auto longest = hkdf_expand(key, as_bytes("info"), 255 * 32);
  REQUIRE(longest.size() == 255 * 32);
  for (const std::size_t length : {0U, 1U, 31U, 32U, 33U, 64U, 8159U}) {
    CHECK(equal(hkdf_expand(key, as_bytes("info"), length).view(), longest.view().first(length)));
  }
  CHECK_FALSE(equal(hkdf_expand(key, as_bytes("other"), 32).view(), longest.view().first(32)));
}

TEST_CASE("equality of secrets looks at every byte and at the length") {
  const Bytes secret = to_bytes("0123456789abcdef0123456789abcdef");
  CHECK(equal_constant_time(secret, to_bytes(secret)));
  CHECK(equal_constant_time({}, {}));
  CHECK_FALSE(equal_constant_time(secret, {}));
  CHECK_FALSE(equal_constant_time(secret, ByteView(secret).first(31)));
  for (std::size_t i = 0; i < secret.size(); ++i) CHECK_FALSE(equal_constant_time(secret, flipped(secret, i)));
}

TEST_CASE("A SHA-256 that is put aside goes on where it was, at any length") {
  Bytes all(1000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 31);
  const ByteView view(all);
  for (const std::size_t length : {0U, 1U, 55U, 56U, 63U, 64U, 65U, 127U, 128U, 1000U}) {
    for (const std::size_t cut : {std::size_t{0}, length / 3, length / 2, length}) {
      Sha256 first;
      first.update(view.first(cut));
      CHECK(first.digest() == sha256(view.first(cut)));
      Sha256 second(first.state());
      second.update(view.subspan(cut, length - cut));
      CHECK(second.digest() == sha256(view.first(length)));
    }
  }
}
