// Encrypted streams in chunks (libsodium's secretstream, XChaCha20-Poly1305), for attachments.
#pragma once

#include <array>
#include <memory>

#include "base/random.h"
#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::crypto {

using StreamKey = SecretArray<struct StreamKeyTag, 32>;
using StreamHeader = ByteArray<struct StreamHeaderTag, 24>;
/// What each chunk grows by.
inline constexpr std::size_t stream_overhead = 17;

/// Encrypts the chunks of one stream in order. Not thread-safe.
class StreamSealer {
 public:
  StreamSealer(const StreamKey& key, Random& random);
  ~StreamSealer();
  StreamSealer(StreamSealer&&) noexcept;
  StreamSealer& operator=(StreamSealer&&) noexcept;
  [[nodiscard]] const StreamHeader& header() const { return header_; }
  Bytes seal(ByteView chunk, ByteView aad = {});
  /// The last chunk: an opener knows a stream to be whole only by it.
  Bytes seal_last(ByteView chunk, ByteView aad = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
  StreamHeader header_;
};

/// Opens the chunks of one stream in order. Not thread-safe.
class StreamOpener {
 public:
  struct Chunk {
    Bytes plaintext;
    bool last = false;
  };
  StreamOpener(const StreamKey& key, const StreamHeader& header);
  ~StreamOpener();
  StreamOpener(StreamOpener&&) noexcept;
  StreamOpener& operator=(StreamOpener&&) noexcept;
  /// Errors: DECRYPTION_FAILED (changed, out of order, or after the last chunk).
  Result<Chunk> open(ByteView chunk, ByteView aad = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
  bool ended_ = false;
};

/// A stream of one chunk, its header in front.
Bytes seal_stream(const StreamKey& key, ByteView plaintext, Random& random);
/// Errors: MALFORMED (shorter than a header), DECRYPTION_FAILED (changed, or not whole).
Result<Bytes> open_stream(const StreamKey& key, ByteView stream);

}  // namespace sotto::crypto
