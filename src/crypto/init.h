// Prepares libsodium. Every entry of the public API calls it before anything else of crypto.
#pragma once

#include "sotto/result.h"

namespace sotto::crypto {

/// Idempotent and thread-safe. Errors: INTERNAL.
Status initialize();

}  // namespace sotto::crypto
