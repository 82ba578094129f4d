#include "crypto/stream.h"

#include <sodium.h>

#include <cassert>

#include "base/try.h"

namespace sotto::crypto {

static_assert(stream_overhead == crypto_secretstream_xchacha20poly1305_ABYTES);
static_assert(StreamKey::size_bytes == crypto_secretstream_xchacha20poly1305_KEYBYTES);
static_assert(StreamHeader::size_bytes == crypto_secretstream_xchacha20poly1305_HEADERBYTES);

namespace {

/// libsodium's state, zeroed at its end. Sealing and opening start from the same state for a given header.
struct SodiumState {
  SodiumState(const StreamKey& key, const StreamHeader& header) {
    crypto_secretstream_xchacha20poly1305_init_pull(&state, header.bytes.data(), key.view().data());
  }
  SodiumState(const SodiumState&) = delete;
  SodiumState& operator=(const SodiumState&) = delete;
  ~SodiumState() { sodium_memzero(&state, sizeof state); }
  crypto_secretstream_xchacha20poly1305_state state;
};

Bytes push(SodiumState& sodium, ByteView chunk, ByteView aad, std::uint8_t tag) {
  Bytes out(chunk.size() + stream_overhead);
  crypto_secretstream_xchacha20poly1305_push(&sodium.state, out.data(), nullptr, chunk.data(), chunk.size(), aad.data(),
                                             aad.size(), tag);
  return out;
}

}  // namespace

struct StreamSealer::State : SodiumState {
  using SodiumState::SodiumState;
  bool ended = false;
};

StreamSealer::StreamSealer(const StreamKey& key, Random& random) {
  // init_push would draw the header from libsodium's own generator; with the header given, the state that init_pull
  // derives is the one that init_push would.
  random.fill(header_.bytes);
  state_ = std::make_unique<State>(key, header_);
}
StreamSealer::~StreamSealer() = default;
StreamSealer::StreamSealer(StreamSealer&&) noexcept = default;
StreamSealer& StreamSealer::operator=(StreamSealer&&) noexcept = default;

Bytes StreamSealer::seal(ByteView chunk, ByteView aad) {
  assert(state_ && !state_->ended);
  return push(*state_, chunk, aad, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

Bytes StreamSealer::seal_last(ByteView chunk, ByteView aad) {
  assert(state_ && !state_->ended);
  state_->ended = true;
  return push(*state_, chunk, aad, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
}

struct StreamOpener::State : SodiumState {
  using SodiumState::SodiumState;
};

StreamOpener::StreamOpener(const StreamKey& key, const StreamHeader& header)
    : state_(std::make_unique<State>(key, header)) {}
StreamOpener::~StreamOpener() = default;
StreamOpener::StreamOpener(StreamOpener&&) noexcept = default;
StreamOpener& StreamOpener::operator=(StreamOpener&&) noexcept = default;

Result<StreamOpener::Chunk> StreamOpener::open(ByteView chunk, ByteView aad) {
  assert(state_);
  if (ended_ || chunk.size() < stream_overhead) return ErrorCode::DECRYPTION_FAILED;
  Chunk out;
  out.plaintext.resize(chunk.size() - stream_overhead);
  std::uint8_t tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(&state_->state, out.plaintext.data(), nullptr, &tag, chunk.data(),
                                                 chunk.size(), aad.data(), aad.size()) != 0) {
    return ErrorCode::DECRYPTION_FAILED;
  }
  out.last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  ended_ = out.last;
  // A sealer of ours writes no other tags; nothing is opened after a chunk that has one.
  if (!out.last && tag != crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) {
    ended_ = true;
    return ErrorCode::DECRYPTION_FAILED;
  }
  return out;
}

Bytes seal_stream(const StreamKey& key, ByteView plaintext, Random& random) {
  StreamSealer sealer(key, random);
  Bytes out = to_bytes(sealer.header().view());
  append(out, sealer.seal_last(plaintext));
  return out;
}

Result<Bytes> open_stream(const StreamKey& key, ByteView stream) {
  StreamHeader header;
  if (stream.size() < header.size_bytes) return Error(ErrorCode::MALFORMED, "a stream without its header");
  assign_exact(header, stream.first(header.size_bytes));
  SOTTO_TRY_ASSIGN(auto chunk, StreamOpener(key, header).open(stream.subspan(header.size_bytes)));
  if (!chunk.last) return Error(ErrorCode::DECRYPTION_FAILED, "a stream that is cut off");
  return std::move(chunk.plaintext);
}

}  // namespace sotto::crypto
