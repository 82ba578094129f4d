// Certificates and device lists of a hostile user, who signs whatever it likes with an identity key of its own.
#include "check.h"
#include "crypto/init.h"
#include "crypto/sign.h"
#include "mutator.h"
#include "wire/frame.h"
#include "wire/identity.h"
#include "wire/limits.h"

using namespace sotto;

namespace {

struct Mallory {
  Mallory() {
    fuzz::must(crypto::initialize());
    SeededRandom random(1);
    identity = crypto::generate_signature_key(random);
    user = wire::user_id_of(identity.public_key);
  }
  crypto::SignatureKeyPair identity;
  UserId user;
};

wire::SignedCertificate signed_as(const Mallory& mallory, wire::DeviceCertificate certificate, bool own) {
  if (own) {
    certificate.set_user_id(to_string_bytes(mallory.user));
    certificate.set_identity_key(wire::field(mallory.identity.public_key.view()));
  }
  return wire::sign_certificate(certificate, mallory.identity.private_key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Mallory mallory;
  FuzzedDataProvider input(data, size);
  const auto flags = input.ConsumeIntegral<std::uint8_t>();
  const auto bytes = input.ConsumeRemainingBytes<std::uint8_t>();

  if (const auto certificate = wire::decode<wire::DeviceCertificate>(bytes); certificate.ok()) {
    const auto signed_certificate = signed_as(mallory, *certificate, (flags & 1) != 0);
    const auto checked = wire::check_certificate(signed_certificate);
    const auto read = wire::read_credential(wire::serialize(signed_certificate));
    if (checked.ok()) {
      fuzz::check(checked->user == mallory.user && checked->era != 0, "nobody is certified by another's key");
      fuzz::check(read.ok() && read->device == checked->device && read->user == checked->user &&
                      read->device_key == checked->device_key && read->era == checked->era,
                  "a certificate reads as it was checked");
    }
  }
  auto list = wire::decode<wire::DeviceList>(bytes);
  if (!list.ok()) return 0;
  if (flags & 1) {
    list->set_user_id(to_string_bytes(mallory.user));
    list->set_identity_key(wire::field(mallory.identity.public_key.view()));
  }
  if (flags & 2) {
    for (auto& device : *list->mutable_devices()) {
      if (const auto body = wire::decode<wire::DeviceCertificate>(wire::view(device.body())); body.ok()) {
        device = signed_as(mallory, *body, (flags & 4) != 0);
      }
    }
  }
  const auto checked = wire::check_device_list(wire::sign_device_list(*list, mallory.identity.private_key));
  if (!checked.ok()) return 0;
  fuzz::check(checked->user == mallory.user && checked->version != 0, "nobody's list is signed by another");
  fuzz::check(checked->devices.size() <= wire::limits::devices_per_user, "a list has a limit");
  for (const auto& device : checked->devices) {
    fuzz::check(device.user == mallory.user && checked->find(device.device) == &device,
                "a list names own devices once");
  }
  return 0;
}
