#include "base/ids.h"
#include "crypto/sign.h"
#include "relay/user.h"
#include "wire/frame.h"

namespace sotto::bench {

Account::Account(Random& random, std::size_t count) : identity(crypto::generate_signature_key(random)) {
  id = wire::user_id_of(identity.public_key);
  wire::DeviceList body;
  body.set_user_id(to_string_bytes(id));
  body.set_identity_key(wire::field(identity.public_key.view()));
  body.set_version(1);
  body.set_issued_at(1);
  for (std::size_t i = 0; i < count; ++i) {
    auto& device = devices.emplace_back();
    device.id = random_id<DeviceId>(random);
    device.key = crypto::generate_signature_key(random);
    wire::DeviceCertificate certificate;
    certificate.set_user_id(to_string_bytes(id));
    certificate.set_identity_key(wire::field(identity.public_key.view()));
    certificate.set_device_id(to_string_bytes(device.id));
    certificate.set_device_key(wire::field(device.key.public_key.view()));
    certificate.set_era(1);
    certificate.set_list_version(1);
    certificate.set_issued_at(1);
    certificate.set_primary(i == 0);
    *body.add_devices() = wire::sign_certificate(certificate, identity.private_key);
  }
  list = wire::sign_device_list(body, identity.private_key);
}

wire::Request Account::registration(ByteView nonce) const {
  const auto handle = "user " + id.to_string();
  wire::Request request;
  auto& registration = *request.mutable_register_();
  registration.set_handle(handle);
  *registration.mutable_device_list() = list;
  registration.set_signature(
      wire::field(crypto::sign(identity.private_key, wire::registration_statement(nonce, handle)).view()));
  return request;
}

wire::Request Account::authentication(ByteView nonce, const Device& device, std::uint64_t session, std::uint64_t ack_no,
                                      wire::ConnectionKind kind) const {
  wire::Request request;
  auto& authenticate = *request.mutable_authenticate();
  authenticate.set_user_id(to_string_bytes(id));
  authenticate.set_device_id(to_string_bytes(device.id));
  authenticate.set_kind(kind);
  authenticate.set_session(session);
  authenticate.set_ack_no(ack_no);
  authenticate.set_signature(
      wire::field(crypto::sign(device.key.private_key, wire::authentication_statement(nonce, authenticate)).view()));
  return request;
}

}  // namespace sotto::bench
