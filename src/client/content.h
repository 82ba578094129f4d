// The version of wire::Content that this version writes and understands.
#pragma once

#include <cstdint>

namespace sotto::client {

inline constexpr std::uint32_t content_version = 1;

}  // namespace sotto::client
