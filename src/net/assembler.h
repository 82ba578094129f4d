// Puts a WebSocket message together from the pieces that libwebsockets gives.
#pragma once

#include <utility>

#include "base/bytes.h"

namespace sotto::net {

class Assembler {
 public:
  enum class Result { more, complete, too_large };

  /// `remaining` bytes of the current frame are still to come after `piece`. Memory grows with what has come, not with
  /// what a header announces, and is never above `limit`.
  Result add(ByteView piece, bool first, bool final, std::size_t remaining, std::size_t limit) {
    if (first) message_.clear();
    if (piece.size() > limit - message_.size() || remaining > limit - message_.size() - piece.size()) {
      Bytes().swap(message_);
      return Result::too_large;
    }
    append(message_, piece);
    return final ? Result::complete : Result::more;
  }

  /// The message after `complete`; keeps no memory.
  Bytes take() { return std::exchange(message_, Bytes()); }

 private:
  Bytes message_;
};

}  // namespace sotto::net
