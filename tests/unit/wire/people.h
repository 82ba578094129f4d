// Users and devices made from a seed.
#pragma once

#include "base/ids.h"
#include "base/random.h"
#include "crypto/sign.h"
#include "wire/identity.h"

namespace sotto::wire::test {

struct Device {
  DeviceId id;
  crypto::SignaturePublicKey key;
};

struct User {
  crypto::SignatureKeyPair identity;
  UserId id;

  explicit User(Random& random) : identity(crypto::generate_signature_key(random)) {
    id = user_id_of(identity.public_key);
  }
  [[nodiscard]] DeviceCertificate certificate(const Device& device) const {
    DeviceCertificate out;
    out.set_user_id(to_string_bytes(id));
    out.set_identity_key(to_string(identity.public_key.view()));
    out.set_device_id(to_string_bytes(device.id));
    out.set_device_key(to_string(device.key.view()));
    out.set_era(1);
    out.set_list_version(1);
    out.set_issued_at(1'700'000'000'000);
    return out;
  }
  [[nodiscard]] SignedCertificate sign(const DeviceCertificate& certificate) const {
    return sign_certificate(certificate, identity.private_key);
  }
  /// Version 1, with these devices.
  [[nodiscard]] DeviceList list(const std::vector<Device>& devices) const {
    DeviceList out;
    out.set_user_id(to_string_bytes(id));
    out.set_identity_key(to_string(identity.public_key.view()));
    out.set_version(1);
    out.set_issued_at(1'700'000'000'000);
    for (const auto& device : devices) *out.add_devices() = sign(certificate(device));
    return out;
  }
  [[nodiscard]] SignedDeviceList sign(const DeviceList& list) const {
    return sign_device_list(list, identity.private_key);
  }
};

inline Device make_device(Random& random) {
  return {random_id<DeviceId>(random), crypto::generate_signature_key(random).public_key};
}

inline std::vector<Device> make_devices(Random& random, std::size_t count) {
  std::vector<Device> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(make_device(random));
  return out;
}

}  // namespace sotto::wire::test
