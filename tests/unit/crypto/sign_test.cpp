#include "crypto/sign.h"

#include "crypto_test.h"

using namespace sotto;
using namespace sotto::crypto;

TEST_CASE("Ed25519 gives the keys and signatures of RFC 8032 section 7.1") {
  struct Vector {
    std::string_view seed, public_key, message, signature;
  };
  const std::vector<Vector> vectors = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2"
       "465"
       "5141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302ae"
       "eb0"
       "0d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28"
       "dc0"
       "27beceea1ec40a"},
      // "TEST SHA(abc)"
      {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
       "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80"
       "e2a"
       "9ac94fa54ca49f",
       "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17"
       "ad9"
       "bef1177331a704"},
  };
  for (const auto& vector : vectors) {
    const auto key = array_from_hex<SignaturePrivateKey>(vector.seed);
    const auto message = from_hex(vector.message);
    CHECK(to_hex(public_key_of(key).view()) == vector.public_key);
    const auto signature = sign(key, message);
    CHECK(to_hex(signature.view()) == vector.signature);
    CHECK(verify(public_key_of(key), message, signature.view()));
  }
}

TEST_CASE("a signature key comes from the Random that was passed in") {
  SeededRandom random(1);
  SeededRandom same(1);
  SeededRandom other(2);
  const auto key = generate_signature_key(random);
  CHECK(generate_signature_key(same).public_key == key.public_key);
  CHECK_FALSE(generate_signature_key(other).public_key == key.public_key);
  CHECK(public_key_of(key.private_key) == key.public_key);
}

TEST_CASE("a signature is good for one key, one message and one form only") {
  SeededRandom random(3);
  const auto key = generate_signature_key(random);
  const auto message = to_bytes("a message that somebody wants to change");
  const auto signature = sign(key.private_key, message);
  REQUIRE(verify(key.public_key, message, signature.view()));

  SECTION("any changed bit of the signature") {
    for (std::size_t i = 0; i < Signature::size_bytes; ++i) {
      CHECK_FALSE(verify(key.public_key, message, flipped(signature.view(), i)));
    }
  }
  SECTION("any changed byte of the message, or another length") {
    for (std::size_t i = 0; i < message.size(); ++i) {
      CHECK_FALSE(verify(key.public_key, flipped(message, i), signature.view()));
    }
    CHECK_FALSE(verify(key.public_key, ByteView(message).first(message.size() - 1), signature.view()));
    CHECK_FALSE(verify(key.public_key, {}, signature.view()));
  }
  SECTION("another key") { CHECK_FALSE(verify(generate_signature_key(random).public_key, message, signature.view())); }
  SECTION("signatures of a wrong length") {
    const Bytes full = to_bytes(signature.view());
    for (const std::size_t size : {0U, 1U, 32U, 63U})
      CHECK_FALSE(verify(key.public_key, message, ByteView(full).first(size)));
    CHECK_FALSE(verify(key.public_key, message, concat({full, ByteView(full).first(1)})));
  }
  SECTION("S + L, the same signature in non-canonical form (RFC 8032 section 5.1.7)") {
    const auto order = from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    Bytes malleated = to_bytes(signature.view());
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      carry += static_cast<unsigned>(malleated[32 + i]) + order[i];
      malleated[32 + i] = static_cast<std::uint8_t>(carry & 0xFF);
      carry >>= 8;
    }
    REQUIRE(carry == 0);
    CHECK_FALSE(verify(key.public_key, message, malleated));
  }
}

TEST_CASE("public keys of small order sign nothing") {
  // With the neutral element as key and R = neutral, S = 0 the equation holds for every message.
  Bytes forged(64, 0);
  forged[0] = 1;
  for (const std::string_view key : {
           "0100000000000000000000000000000000000000000000000000000000000000",
           "0000000000000000000000000000000000000000000000000000000000000000",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // not canonical
       }) {
    CHECK_FALSE(verify(array_from_hex<SignaturePublicKey>(key), as_bytes("message"), forged));
  }
}
