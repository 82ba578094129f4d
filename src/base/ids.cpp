#include "base/ids.h"

namespace sotto {

namespace {
constexpr std::uint16_t counter_limit = 0x0FFF;
}

MessageId SortableIds::next(Timestamp now) {
  const auto since = now.time_since_epoch().count();
  auto ms = since > 0 ? static_cast<std::uint64_t>(since) : 0U;
  if (ms > last_ms_) {
    last_ms_ = ms;
    counter_ = 0;
  } else if (counter_ == counter_limit) {
    ++last_ms_;  // 4,096 ids in one millisecond: borrow from the next one rather than repeat.
    counter_ = 0;
  } else {
    ++counter_;
  }
  ms = last_ms_;

  MessageId id;
  random_.fill(id.bytes);
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | counter_ >> 8);
  id.bytes[7] = static_cast<std::uint8_t>(counter_ & 0xFF);
  id.bytes[8] = static_cast<std::uint8_t>(0x80 | (id.bytes[8] & 0x3F));
  return id;
}

Timestamp time_of(const MessageId& id) {
  std::uint64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | id.bytes[i];
  return Timestamp(std::chrono::milliseconds(ms));
}

}  // namespace sotto
