// The generated protobuf classes of what a client keeps in columns of its store.
#pragma once

#include <wire/proto/client_store.pb.h>

#include "wire/frame.h"

namespace sotto::wire {

/// A protobuf message that this client has stored itself. Errors: CORRUPT.
template <typename Message>
Result<Message> decode_own(ByteView bytes) {
  auto message = decode<Message>(bytes);
  if (!message.ok()) return Error(ErrorCode::CORRUPT, "what is stored is " + message.error().message);
  return message;
}

}  // namespace sotto::wire
