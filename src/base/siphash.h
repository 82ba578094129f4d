// SipHash-2-4: a keyed hash of 64 bits that does not reveal its input to who does not have the key.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace sotto {

using SipKey = std::array<std::uint8_t, 16>;

/// Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
std::uint64_t siphash(const SipKey& key, ByteView data);

}  // namespace sotto
