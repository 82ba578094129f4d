#include "wire/identity.h"

#include <algorithm>
#include <set>

#include "base/try.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "wire/frame.h"
#include "wire/limits.h"

namespace sotto::wire {

namespace {

template <typename AnyId>
AnyId first_16(const crypto::Sha256Digest& digest) {
  AnyId id;
  std::copy_n(digest.bytes.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

Bytes certificate_statement(ByteView body) { return concat({as_bytes("sotto certificate"), body}); }
Bytes list_statement(ByteView body) { return concat({as_bytes("sotto device list"), body}); }

void append_u64(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

}  // namespace

UserId user_id_of(const crypto::SignaturePublicKey& identity_key) {
  return first_16<UserId>(crypto::sha256({as_bytes("sotto user"), identity_key.view()}));
}

ChatId direct_chat_id(const UserId& a, const UserId& b) {
  const auto& [low, high] = std::minmax(a, b);
  auto id = first_16<ChatId>(crypto::sha256({as_bytes("sotto direct"), sotto::view(low), sotto::view(high)}));
  id.bytes[0] &= 0x7F;
  return id;
}

ChatId random_group_id(Random& random) {
  auto id = random_id<ChatId>(random);
  id.bytes[0] |= 0x80;
  return id;
}

bool is_group_id(const ChatId& chat) { return (chat.bytes[0] & 0x80) != 0; }

SignedCertificate sign_certificate(const DeviceCertificate& certificate, const crypto::SignaturePrivateKey& identity) {
  SignedCertificate out;
  out.set_body(certificate.SerializeAsString());
  out.set_signature(field(crypto::sign(identity, certificate_statement(view(out.body()))).view()));
  return out;
}

namespace {

Result<CheckedCertificate> read_certificate(const SignedCertificate& certificate) {
  SOTTO_TRY_ASSIGN(const auto body, decode<DeviceCertificate>(view(certificate.body())));
  CheckedCertificate out;
  if (!assign_exact(out.user, view(body.user_id())) || !assign_exact(out.identity_key, view(body.identity_key())) ||
      !assign_exact(out.device, view(body.device_id())) || !assign_exact(out.device_key, view(body.device_key()))) {
    return Error(ErrorCode::MALFORMED, "a certificate with an id or key of the wrong size");
  }
  out.era = body.era();
  out.list_version = body.list_version();
  out.primary = body.primary();
  return out;
}

}  // namespace

Result<CheckedCertificate> check_certificate(const SignedCertificate& certificate) {
  SOTTO_TRY_ASSIGN(auto out, read_certificate(certificate));
  if (out.era == 0 || out.user != user_id_of(out.identity_key)) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "the userId does not belong to the identity key");
  }
  if (!crypto::verify(out.identity_key, certificate_statement(view(certificate.body())),
                      view(certificate.signature()))) {
    return ErrorCode::BAD_SIGNATURE;
  }
  return out;
}

Result<CheckedCertificate> check_credential(ByteView credential_identity) {
  SOTTO_TRY_ASSIGN(const auto certificate, decode<SignedCertificate>(credential_identity));
  return check_certificate(certificate);
}

Result<CheckedCertificate> read_credential(ByteView credential_identity) {
  SOTTO_TRY_ASSIGN(const auto certificate, decode<SignedCertificate>(credential_identity));
  return read_certificate(certificate);
}

const CheckedCertificate* CheckedDeviceList::find(const DeviceId& device) const {
  const auto it = std::ranges::find(devices, device, &CheckedCertificate::device);
  return it == devices.end() ? nullptr : &*it;
}

SignedDeviceList sign_device_list(const DeviceList& list, const crypto::SignaturePrivateKey& identity) {
  SignedDeviceList out;
  out.set_body(list.SerializeAsString());
  out.set_signature(field(crypto::sign(identity, list_statement(view(out.body()))).view()));
  return out;
}

Result<CheckedDeviceList> check_device_list(const SignedDeviceList& list) {
  SOTTO_TRY_ASSIGN(const auto body, decode<DeviceList>(view(list.body())));
  CheckedDeviceList out;
  if (!assign_exact(out.user, view(body.user_id())) || !assign_exact(out.identity_key, view(body.identity_key()))) {
    return Error(ErrorCode::MALFORMED, "a device list with an id or key of the wrong size");
  }
  out.version = body.version();
  out.prev_hash = to_bytes(view(body.prev_hash()));
  out.hash = crypto::sha256(view(list.body()));
  if (static_cast<std::size_t>(body.devices_size()) > limits::devices_per_user) {
    return Error(ErrorCode::LIMIT_EXCEEDED, "more than 10 devices in a device list");
  }
  if (out.version == 0 || out.prev_hash.size() != (out.version == 1 ? 0U : 32U) ||
      out.user != user_id_of(out.identity_key)) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "a device list whose userId, version or prev_hash is wrong");
  }
  if (!crypto::verify(out.identity_key, list_statement(view(list.body())), view(list.signature()))) {
    return ErrorCode::BAD_SIGNATURE;
  }
  std::set<DeviceId> seen;
  for (const auto& signed_certificate : body.devices()) {
    SOTTO_TRY_ASSIGN(auto certificate, check_certificate(signed_certificate));
    if (certificate.identity_key != out.identity_key || certificate.list_version > out.version ||
        !seen.insert(certificate.device).second) {
      return Error(ErrorCode::CERTIFICATE_REFUSED, "a device list with a certificate that does not belong there");
    }
    out.devices.push_back(std::move(certificate));
  }
  return out;
}

Bytes registration_statement(ByteView nonce, std::string_view handle) {
  return concat({as_bytes("sotto register"), nonce, as_bytes(handle)});
}

Bytes deletion_statement(const UserId& user, std::uint64_t time) {
  Bytes out = concat({as_bytes("sotto delete account"), user.bytes});
  append_u64(out, time);
  return out;
}

Bytes authentication_statement(ByteView nonce, const Authenticate& request) {
  Bytes out = concat({as_bytes("sotto authenticate"), nonce, view(request.user_id()), view(request.device_id())});
  append_u64(out, static_cast<std::uint64_t>(request.kind()));
  append_u64(out, request.session());
  append_u64(out, request.ack_no());
  return out;
}

}  // namespace sotto::wire
