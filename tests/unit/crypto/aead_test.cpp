#include "crypto/aead.h"

#include "crypto_test.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {
const std::string_view rfc8439_plaintext =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
    "it.";
}

TEST_CASE("ChaCha20-Poly1305 gives the ciphertext of RFC 8439 section 2.8.2") {
  const auto key = array_from_hex<AeadKey>("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const auto nonce = array_from_hex<AeadNonce>("070000004041424344454647");
  const auto aad = from_hex("50515253c0c1c2c3c4c5c6c7");
  const auto sealed = aead_seal(key, nonce, aad, as_bytes(rfc8439_plaintext));
  CHECK(
      to_hex(sealed) ==
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b29"
      "05d6"
      "a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"
      "1ae10b594f09e26a7e902ecbd0600691");
  const auto opened = aead_open(key, nonce, aad, sealed);
  REQUIRE(opened.ok());
  CHECK(as_text(opened.value()) == rfc8439_plaintext);
}

TEST_CASE("an empty plaintext is a tag alone") {
  const AeadKey key;
  const AeadNonce nonce;
  const auto sealed = aead_seal(key, nonce, {}, {});
  CHECK(sealed.size() == aead_tag_size);
  const auto opened = aead_open(key, nonce, {}, sealed);
  REQUIRE(opened.ok());
  CHECK(opened.value().empty());
}

TEST_CASE("nothing opens but what was sealed") {
  const auto key = array_from_hex<AeadKey>("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const auto nonce = array_from_hex<AeadNonce>("000102030405060708090a0b");
  const auto aad = to_bytes("header");
  const auto sealed = aead_seal(key, nonce, aad, as_bytes("content"));
  REQUIRE(aead_open(key, nonce, aad, sealed).ok());

  SECTION("any changed byte of ciphertext and tag") {
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      CHECK(aead_open(key, nonce, aad, flipped(sealed, i)).code() == ErrorCode::DECRYPTION_FAILED);
    }
  }
  SECTION("any shorter ciphertext, down to nothing, and a longer one") {
    for (std::size_t size = 0; size < sealed.size(); ++size) {
      CHECK(aead_open(key, nonce, aad, ByteView(sealed).first(size)).code() == ErrorCode::DECRYPTION_FAILED);
    }
    CHECK(aead_open(key, nonce, aad, concat({sealed, Bytes{0}})).code() == ErrorCode::DECRYPTION_FAILED);
  }
  SECTION("other associated data, nonce or key") {
    CHECK(aead_open(key, nonce, {}, sealed).code() == ErrorCode::DECRYPTION_FAILED);
    CHECK(aead_open(key, nonce, flipped(aad, 0), sealed).code() == ErrorCode::DECRYPTION_FAILED);
    CHECK(aead_open(key, AeadNonce{}, aad, sealed).code() == ErrorCode::DECRYPTION_FAILED);
    CHECK(aead_open(AeadKey{}, nonce, aad, sealed).code() == ErrorCode::DECRYPTION_FAILED);
  }
}
