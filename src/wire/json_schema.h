// The descriptors of sotto.proto, as protoc writes them when the relay is built.
#pragma once

#include <cstddef>

namespace sotto::wire {

/// A serialised google.protobuf.FileDescriptorSet.
extern const unsigned char json_schema[];
extern const std::size_t json_schema_size;

}  // namespace sotto::wire
