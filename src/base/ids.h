// Makes ids. Random ones, and ones that sort by time (the layout of UUIDv7, RFC 9562 section 5.7).
#pragma once

#include "base/bytes.h"
#include "base/random.h"
#include "sotto/types.h"

namespace sotto {

/// 16 random bytes of the given kind.
template <typename AnyId>
AnyId random_id(Random& random) {
  AnyId id;
  random.fill(id.bytes);
  return id;
}

/// The id with exactly these bytes, or nothing if there are not 16 of them.
template <typename AnyId>
std::optional<AnyId> id_from(ByteView bytes) {
  AnyId id;
  if (!assign_exact(id, bytes)) return std::nullopt;
  return id;
}

template <typename Tag>
ByteView view(const Id<Tag>& id) {
  return id.bytes;
}
template <typename Tag>
Bytes to_bytes(const Id<Tag>& id) {
  return {id.bytes.begin(), id.bytes.end()};
}
template <typename Tag>
std::string to_string_bytes(const Id<Tag>& id) {
  return {id.bytes.begin(), id.bytes.end()};
}

/// Gives ids that are strictly increasing for one maker, also when the clock stands still or jumps back.
class SortableIds {
 public:
  explicit SortableIds(Random& random) : random_(random) {}
  MessageId next(Timestamp now);

 private:
  Random& random_;
  std::uint64_t last_ms_ = 0;
  std::uint16_t counter_ = 0;
};

/// The time inside a sortable id.
Timestamp time_of(const MessageId& id);

}  // namespace sotto
