// Padmé padding (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
// PoPETs 2019, section 4): lengths leak O(log log L) bits, at an overhead of at most 12 %, falling with the length.
#pragma once

#include <bit>
#include <cstddef>

namespace sotto::mls {

/// The length to which a message of `length` bytes is padded; never smaller.
constexpr std::size_t padme(std::size_t length) {
  if (length < 2) return length;
  const auto exponent = static_cast<unsigned>(std::bit_width(length) - 1);
  const auto exponent_bits = static_cast<unsigned>(std::bit_width(exponent));
  const std::size_t mask = (std::size_t{1} << (exponent - exponent_bits)) - 1;
  return (length + mask) & ~mask;
}

}  // namespace sotto::mls
