#include "crypto/password.h"

#include <sodium.h>

namespace sotto::crypto {

static_assert(PasswordSalt::size_bytes == crypto_pwhash_argon2id_SALTBYTES);

Result<SecretBytes> derive_from_password(ByteView password, const PasswordSalt& salt, const PasswordCost& cost,
                                         std::size_t length) {
  const std::uint64_t memory = std::uint64_t{cost.memory_kib} * 1024;
  if (length < 16 || length > 64 || cost.passes < crypto_pwhash_argon2id_opslimit_min() ||
      memory < crypto_pwhash_argon2id_memlimit_min() || memory > crypto_pwhash_argon2id_memlimit_max() ||
      password.size() > crypto_pwhash_argon2id_passwd_max()) {
    return ErrorCode::INVALID_ARGUMENT;
  }
  // libsodium declares that the passphrase is never null, also an empty one.
  const char* const text = password.empty() ? "" : reinterpret_cast<const char*>(password.data());
  SecretBytes out(length);
  // Every argument has been checked above, so what can still fail is the allocation of the memory.
  if (crypto_pwhash_argon2id(out.mutable_view().data(), length, text, password.size(), salt.bytes.data(), cost.passes,
                             static_cast<std::size_t>(memory), crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return Error(ErrorCode::UNAVAILABLE, "not enough memory to derive a key from a passphrase");
  }
  return out;
}

}  // namespace sotto::crypto
