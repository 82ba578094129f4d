#include "client/pin.h"

#include "base/try.h"
#include "base/utf8.h"
#include "crypto/hash.h"
#include "crypto/password.h"

namespace sotto::client {

namespace {
/// Part of the protocol: devices must come to the same.
constexpr crypto::PasswordCost cost{3, 64 * 1024};
constexpr std::size_t hash_bytes = 32;
}  // namespace

Result<Bytes> pin_hash(std::string_view handle, std::string_view pin) {
  if (pin.size() < 4 || pin.size() > 64 || !is_valid_utf8(pin)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a PIN is UTF-8 of 4 to 64 bytes");
  }
  const auto digest = crypto::sha256({as_bytes("sotto pin"), as_bytes(handle)});
  crypto::PasswordSalt salt;
  assign_exact(salt, digest.view().first(crypto::PasswordSalt::size_bytes));
  SOTTO_TRY_ASSIGN(const auto hash, crypto::derive_from_password(as_bytes(pin), salt, cost, hash_bytes));
  return to_bytes(hash.view());
}

}  // namespace sotto::client
