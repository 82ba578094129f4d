// Changes protobuf messages as somebody does who knows the wire format: field by field, at any depth, so that what
// comes out still parses and differs where a check should look.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include "base/bytes.h"

namespace sotto::fuzz {

/// One change of a serialised message, chosen by the input.
Bytes mutate_message(ByteView message, FuzzedDataProvider& input);
/// One change of any bytes.
Bytes mutate_bytes(ByteView bytes, FuzzedDataProvider& input);

/// A message of the same type after one change; as it was if the change does not parse.
template <typename Message>
Message mutated(const Message& message, FuzzedDataProvider& input) {
  const auto bytes = mutate_message(as_bytes(message.SerializeAsString()), input);
  Message out;
  return out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ? out : message;
}

/// One of a container's elements; it must not be empty.
template <typename Container>
auto& pick(Container& from, FuzzedDataProvider& input) {
  return from[input.ConsumeIntegral<std::uint8_t>() % from.size()];
}

/// A number as hostile ones are: near `around`, at the ends, or any.
std::uint64_t hostile_number(std::uint64_t around, FuzzedDataProvider& input);

}  // namespace sotto::fuzz
