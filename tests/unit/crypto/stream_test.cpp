#include "crypto/stream.h"

#include <sodium.h>

#include "crypto_test.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

StreamKey test_key() {
  return array_from_hex<StreamKey>("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

/// A stream of three chunks, the last one marked.
struct Sample {
  StreamKey key = test_key();
  SeededRandom random{5};
  StreamSealer sealer{key, random};
  std::vector<Bytes> chunks = {sealer.seal(as_bytes("first")), sealer.seal(as_bytes("second"), as_bytes("aad")),
                               sealer.seal_last(as_bytes("third"))};
  [[nodiscard]] StreamOpener opener() const { return {key, sealer.header()}; }
};

std::string text(const Result<StreamOpener::Chunk>& chunk) { return to_string(chunk.value().plaintext); }

}  // namespace

TEST_CASE("a stream opens in order and tells its last chunk") {
  const Sample sample;
  auto opener = sample.opener();
  const auto first = opener.open(sample.chunks[0]);
  CHECK(text(first) == "first");
  CHECK_FALSE(first->last);
  CHECK(text(opener.open(sample.chunks[1], as_bytes("aad"))) == "second");
  const auto third = opener.open(sample.chunks[2]);
  CHECK(text(third) == "third");
  CHECK(third->last);
  CHECK(sample.chunks[0].size() == 5 + stream_overhead);
}

TEST_CASE("empty and large chunks pass") {
  const auto key = test_key();
  SeededRandom random(6);
  StreamSealer sealer(key, random);
  StreamOpener opener(key, sealer.header());
  const Bytes large(1 << 20, 0xAB);
  const auto opened = opener.open(sealer.seal(large));
  REQUIRE(opened.ok());
  CHECK(opened->plaintext == large);
  const auto empty = opener.open(sealer.seal_last({}));
  REQUIRE(empty.ok());
  CHECK(empty->plaintext.empty());
  CHECK(empty->last);
}

TEST_CASE("the same key and the same Random give the same stream") {
  const Sample one;
  const Sample two;
  CHECK(one.sealer.header() == two.sealer.header());
  CHECK(one.chunks == two.chunks);
  const auto key = test_key();
  SeededRandom random(7);
  const StreamSealer other(key, random);
  CHECK_FALSE(other.header() == one.sealer.header());
}

TEST_CASE("the state made from a header of ours is the one that libsodium makes for that header") {
  // libsodium draws the header itself; what it pushes must be what we push under the header that it drew.
  const auto key = test_key();
  crypto_secretstream_xchacha20poly1305_state theirs;
  StreamHeader header;
  crypto_secretstream_xchacha20poly1305_init_push(&theirs, header.bytes.data(), key.view().data());

  struct Replay final : Random {
    explicit Replay(ByteView bytes) : bytes_(bytes) {}
    void fill(std::span<std::uint8_t> out) override {
      REQUIRE(out.size() == bytes_.size());
      std::copy(bytes_.begin(), bytes_.end(), out.begin());
    }
    ByteView bytes_;
  } replay(header.view());
  StreamSealer ours(key, replay);
  CHECK(ours.header() == header);

  const auto push = [&](std::string_view chunk, std::uint8_t tag) {
    Bytes out(chunk.size() + stream_overhead);
    crypto_secretstream_xchacha20poly1305_push(&theirs, out.data(), nullptr, as_bytes(chunk).data(), chunk.size(),
                                               as_bytes("aad").data(), 3, tag);
    return out;
  };
  CHECK(push("one", crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) == ours.seal(as_bytes("one"), as_bytes("aad")));
  CHECK(push("two", crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) == ours.seal(as_bytes("two"), as_bytes("aad")));
  CHECK(push("end", crypto_secretstream_xchacha20poly1305_TAG_FINAL) ==
        ours.seal_last(as_bytes("end"), as_bytes("aad")));
}

TEST_CASE("a chunk that was changed does not open, and the right one still does after it") {
  const Sample sample;
  auto opener = sample.opener();
  for (std::size_t i = 0; i < sample.chunks[0].size(); ++i) {
    CHECK(opener.open(flipped(sample.chunks[0], i)).code() == ErrorCode::DECRYPTION_FAILED);
  }
  for (std::size_t size = 0; size < sample.chunks[0].size(); ++size) {
    CHECK(opener.open(ByteView(sample.chunks[0]).first(size)).code() == ErrorCode::DECRYPTION_FAILED);
  }
  CHECK(opener.open(sample.chunks[0], as_bytes("aad")).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(text(opener.open(sample.chunks[0])) == "first");
  CHECK(opener.open(sample.chunks[1]).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(text(opener.open(sample.chunks[1], as_bytes("aad"))) == "second");
}

TEST_CASE("chunks out of order, left out or repeated do not open") {
  const Sample sample;
  auto opener = sample.opener();
  CHECK(opener.open(sample.chunks[1], as_bytes("aad")).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(opener.open(sample.chunks[2]).code() == ErrorCode::DECRYPTION_FAILED);
  REQUIRE(opener.open(sample.chunks[0]).ok());
  CHECK(opener.open(sample.chunks[0]).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(opener.open(sample.chunks[2]).code() == ErrorCode::DECRYPTION_FAILED);
}

TEST_CASE("a truncated stream never shows a last chunk, and nothing opens after one") {
  const Sample sample;
  auto opener = sample.opener();
  CHECK_FALSE(opener.open(sample.chunks[0])->last);
  CHECK_FALSE(opener.open(sample.chunks[1], as_bytes("aad"))->last);
  CHECK(opener.open(sample.chunks[2])->last);
  CHECK(opener.open(sample.chunks[2]).code() == ErrorCode::DECRYPTION_FAILED);
  CHECK(opener.open(sample.chunks[0]).code() == ErrorCode::DECRYPTION_FAILED);
}

TEST_CASE("another key or another header opens nothing") {
  const Sample sample;
  StreamOpener wrong_key(StreamKey{}, sample.sealer.header());
  CHECK(wrong_key.open(sample.chunks[0]).code() == ErrorCode::DECRYPTION_FAILED);
  for (const std::size_t position : {0U, 16U, 23U}) {
    auto header = sample.sealer.header();
    header.bytes[position] ^= 1;
    StreamOpener wrong_header(sample.key, header);
    CHECK(wrong_header.open(sample.chunks[0]).code() == ErrorCode::DECRYPTION_FAILED);
  }
}

TEST_CASE("a chunk with a tag that no sealer of ours writes ends the stream") {
  const auto key = test_key();
  for (const int tag :
       {crypto_secretstream_xchacha20poly1305_TAG_PUSH, crypto_secretstream_xchacha20poly1305_TAG_REKEY}) {
    crypto_secretstream_xchacha20poly1305_state state;
    StreamHeader header;
    crypto_secretstream_xchacha20poly1305_init_push(&state, header.bytes.data(), key.view().data());
    const auto push = [&](std::uint8_t with) {
      Bytes out(1 + stream_overhead);
      const std::uint8_t content = 1;
      crypto_secretstream_xchacha20poly1305_push(&state, out.data(), nullptr, &content, 1, nullptr, 0, with);
      return out;
    };
    StreamOpener opener(key, header);
    CHECK(opener.open(push(static_cast<std::uint8_t>(tag))).code() == ErrorCode::DECRYPTION_FAILED);
    CHECK(opener.open(push(crypto_secretstream_xchacha20poly1305_TAG_FINAL)).code() == ErrorCode::DECRYPTION_FAILED);
  }
}

TEST_CASE("sealers and openers can be moved between chunks") {
  const auto key = test_key();
  SeededRandom random(8);
  StreamSealer sealer(key, random);
  StreamOpener opener(key, sealer.header());
  REQUIRE(opener.open(sealer.seal(as_bytes("one"))).ok());
  StreamSealer moved_sealer(std::move(sealer));
  StreamOpener moved_opener(std::move(opener));
  CHECK(text(moved_opener.open(moved_sealer.seal_last(as_bytes("two")))) == "two");
}
