#include "crypto/init.h"

#include <sodium.h>

namespace sotto::crypto {

Status initialize() {
  if (sodium_init() < 0) return Error(ErrorCode::INTERNAL, "libsodium cannot be initialised");
  return {};
}

}  // namespace sotto::crypto
