// A frame that somebody changed on its way.
#pragma once

#include "wire/frame.h"

namespace sotto::sim {

inline Bytes encode_all(const std::vector<wire::Envelope>& envelopes) {
  Bytes out;
  for (const auto& envelope : envelopes) append(out, wire::encode(envelope));
  return out;
}

}  // namespace sotto::sim
