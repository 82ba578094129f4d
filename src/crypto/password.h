// Argon2id (RFC 9106): a key from a passphrase. Slow on purpose; call it off the engine's thread.
#pragma once

#include "crypto/keys.h"
#include "sotto/result.h"

namespace sotto::crypto {

using PasswordSalt = ByteArray<struct PasswordSaltTag, 16>;

struct PasswordCost {
  /// Passes over the memory, at least 1.
  std::uint32_t passes = 3;
  /// Memory in KiB, at least 8.
  std::uint32_t memory_kib = 64 * 1024;
};

/// `length` bytes, 16 to 64. Errors: INVALID_ARGUMENT, UNAVAILABLE (memory).
Result<SecretBytes> derive_from_password(ByteView password, const PasswordSalt& salt, const PasswordCost& cost,
                                         std::size_t length);

}  // namespace sotto::crypto
