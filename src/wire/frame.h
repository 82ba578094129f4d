// Frames to bytes and back, with the limits that hold for anything that came from a network.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "sotto/result.h"
#include "wire/message.h"

namespace sotto::wire {

/// The bytes of a frame with this one envelope. Frames may be joined by concatenation.
Bytes encode(const Envelope& envelope);

/// A frame with one push of entries of a chat, made of entries that are encoded already: to encode an entry once is
/// enough for all who get it, and what is only passed on is not put into objects first.
class EntriesFrame {
 public:
  /// Begins anew.
  void begin(ByteView chat_id, std::uint32_t generation);
  /// The bytes of an Entry; after `begin`.
  void add(ByteView entry);
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  void clear() { entries_.clear(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] Bytes encode() const;

 private:
  /// The fields of an Entries so far.
  Bytes entries_;
};

/// The envelopes of a WebSocket message. Errors: TOO_LARGE, MALFORMED (not a Frame, or too many envelopes).
Result<std::vector<Envelope>> decode_frame(ByteView message);

/// Any protobuf message from hostile bytes. Errors: MALFORMED.
template <typename Message>
Result<Message> decode(ByteView bytes) {
  Message message;
  if (bytes.size() > INT32_MAX || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(ErrorCode::MALFORMED, "not a " + std::string(message.GetTypeName()));
  }
  return message;
}

/// The bytes of any protobuf message.
template <typename Message>
Bytes serialize(const Message& message) {
  Bytes out(message.ByteSizeLong());
  message.SerializeToArray(out.data(), static_cast<int>(out.size()));
  return out;
}

/// An answer that says why not.
Response refusal(const Error& error);
/// The Error that a response stands for, or success.
Status status_of(const Response& response);

/// Views of protobuf `bytes` fields, and back.
inline ByteView view(const std::string& field) { return as_bytes(field); }
inline std::string field(ByteView bytes) { return to_string(bytes); }

}  // namespace sotto::wire
