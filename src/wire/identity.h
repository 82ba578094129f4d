// Users, certificates, device lists and challenges: what is signed, and how it is checked.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "crypto/keys.h"
#include "sotto/result.h"
#include "wire/message.h"

namespace sotto::wire {

/// userId = SHA-256("sotto user" ‖ identity public key)[0..16].
UserId user_id_of(const crypto::SignaturePublicKey& identity_key);

/// chatId of a direct chat = SHA-256("sotto direct" ‖ smaller userId ‖ larger userId)[0..16] with its first bit 0.
ChatId direct_chat_id(const UserId& a, const UserId& b);
/// chatId of a new group: random, with its first bit 1. So nobody can found a group in the place of two people's direct
/// chat.
ChatId random_group_id(Random& random);
bool is_group_id(const ChatId& chat);

/// A certificate whose signature, sizes and userId were checked.
struct CheckedCertificate {
  UserId user;
  crypto::SignaturePublicKey identity_key;
  DeviceId device;
  crypto::SignaturePublicKey device_key;
  std::uint32_t era = 0;
  std::uint64_t list_version = 0;
  bool primary = false;
};

SignedCertificate sign_certificate(const DeviceCertificate& certificate, const crypto::SignaturePrivateKey& identity);
/// Errors: MALFORMED, BAD_SIGNATURE, CERTIFICATE_REFUSED (the userId is not the identity key's, era 0).
Result<CheckedCertificate> check_certificate(const SignedCertificate& certificate);
/// The same from the bytes of an MLS BasicCredential's identity.
Result<CheckedCertificate> check_credential(ByteView credential_identity);
/// Reads one that was checked before, as of a leaf that is in the tree already: no signature is verified.
Result<CheckedCertificate> read_credential(ByteView credential_identity);

struct CheckedDeviceList {
  UserId user;
  crypto::SignaturePublicKey identity_key;
  std::uint64_t version = 0;
  Bytes prev_hash;
  std::vector<CheckedCertificate> devices;
  /// SHA-256 of the body, which the next version names.
  crypto::Sha256Digest hash;

  [[nodiscard]] const CheckedCertificate* find(const DeviceId& device) const;
};

SignedDeviceList sign_device_list(const DeviceList& list, const crypto::SignaturePrivateKey& identity);
/// Checks signature, userId, version, at most 10 devices, distinct, each certified by the same identity key.
/// Errors: MALFORMED, BAD_SIGNATURE, CERTIFICATE_REFUSED, LIMIT_EXCEEDED.
Result<CheckedDeviceList> check_device_list(const SignedDeviceList& list);

/// What a Register signs.
Bytes registration_statement(ByteView nonce, std::string_view handle);
/// What an Authenticate signs.
Bytes authentication_statement(ByteView nonce, const Authenticate& request);
/// What a DeleteAccount signs. `time` as there, in milliseconds since 1970.
Bytes deletion_statement(const UserId& user, std::uint64_t time);

/// A handle is "+" and 7 to 15 digits that begin with an assigned country code (E.164), or a name of 1 to 64 bytes of
/// printable UTF-8, with single spaces inside and none at its ends. Errors: INVALID_ARGUMENT.
Status check_handle(std::string_view handle);
/// Of a handle that passed `check_handle`: whether it is a phone number.
bool is_phone_number(std::string_view handle);
/// What a person typed as a handle: a phone number loses spaces, hyphens, dots and parentheses, and a leading "00"
/// becomes "+". What does not come to a valid number stays as it is.
std::string normalise_handle(std::string_view typed);

}  // namespace sotto::wire
