// Pre-shared keys that enter the key schedule (RFC 9420 section 8.4).
#pragma once

#include <span>

#include "mls/proposal.h"

namespace sotto::mls {

/// An external PSK that the application knows.
struct ExternalPsk {
  Bytes id;
  SecretBytes secret;
};

struct PskInput {
  PreSharedKeyId id;
  SecretBytes secret;
};

/// psk_secret; 32 zero bytes if there are none.
SecretBytes psk_secret(std::span<const PskInput> psks);

}  // namespace sotto::mls
