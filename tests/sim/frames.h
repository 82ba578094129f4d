// A frame that somebody changed on its way.
#pragma once

#include <string>

#include "sim/dice.h"
#include "wire/frame.h"

namespace sotto::sim {

inline Bytes encode_all(const std::vector<wire::Envelope>& envelopes) {
  Bytes out;
  for (const auto& envelope : envelopes) append(out, wire::encode(envelope));
  return out;
}

/// Changes a bit of it.
inline void flip(std::string& bytes, Dice& dice) {
  if (bytes.empty()) return;
  const auto bit = static_cast<char>(1U << dice.below(8));
  bytes[static_cast<std::size_t>(dice.below(bytes.size()))] ^= bit;
}

}  // namespace sotto::sim
