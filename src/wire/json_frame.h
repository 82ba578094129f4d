// Frames as protobuf-JSON text and back, for the subprotocol sotto.v1.json. Of the relay's library only: it needs
// protobuf's reflection, which the client library does without.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sotto/result.h"

namespace sotto::wire {

/// Knows the schema; made once. Any thread.
class JsonFrames {
 public:
  JsonFrames();
  JsonFrames(const JsonFrames&) = delete;
  JsonFrames& operator=(const JsonFrames&) = delete;
  ~JsonFrames();

  /// The bytes of the Frame that a text from anybody stands for: protobuf's JSON mapping, names in camelCase or as in
  /// the schema, unknown fields and unknown enum names ignored. They are not parsed again: `decode_frame` has the
  /// limits of what they hold. Errors: TOO_LARGE (the text), MALFORMED (no JSON, no Frame, too deep, or too many
  /// values).
  [[nodiscard]] Result<Bytes> decode(std::string_view text) const;

  /// The texts that stand for a Frame, in order: each is a Frame of some of its envelopes, so that of what a relay says
  /// none is longer than `limits::json_frame_bytes`. Errors: INTERNAL (not a Frame).
  [[nodiscard]] Result<std::vector<Bytes>> encode(ByteView frame) const;

 private:
  class Schema;
  std::unique_ptr<const Schema> schema_;
};

}  // namespace sotto::wire
