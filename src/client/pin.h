// What stands for a PIN: never the PIN itself leaves the device.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "sotto/result.h"

namespace sotto::client {

/// Argon2id of the PIN, with a salt made of the handle, 32 bytes: costs 64 MiB and some tenths of a second, so that
/// whoever gets the relay's disk cannot try all PINs of all handles. Errors: INVALID_ARGUMENT (a PIN is UTF-8 of 4 to
/// 64 bytes), UNAVAILABLE (memory).
Result<Bytes> pin_hash(std::string_view handle, std::string_view pin);

}  // namespace sotto::client
