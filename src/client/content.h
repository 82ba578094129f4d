// The versions of wire::Content: what this one understands, and what it writes.
#pragma once

#include <cstdint>

namespace sotto::client {

/// Attachments came with version 2. What has none is written as version 1, so that older clients read it.
inline constexpr std::uint32_t content_version = 2;
inline constexpr std::uint32_t content_version_of_text = 1;

}  // namespace sotto::client
