// Users, their certified devices, and MLS groups of them, made from a seed.
#pragma once

#include <deque>
#include <memory>

#include "client/group_view.h"
#include "client/tables/account_table.h"
#include "crypto/init.h"
#include "crypto/sign.h"
#include "mls/memory_storage.h"
#include "support/must.h"
#include "wire/frame.h"
#include "wire/identity.h"

namespace sotto::test {

inline constexpr Timestamp noon{std::chrono::milliseconds(1'800'000'000'000)};

/// An id whose bytes are all alike, for tables.
template <typename AnyId>
AnyId id_of(std::uint8_t byte) {
  AnyId id;
  id.bytes.fill(byte);
  return id;
}

struct Person {
  crypto::SignatureKeyPair identity;
  UserId user;
};

struct Member {
  const Person* person = nullptr;
  DeviceId device;
  std::uint32_t era = 1;
  crypto::SignatureKeyPair key;
  /// The MLS credential: the signed certificate.
  Bytes credential;
  std::optional<mls::KeyPackageBundle> bundle;
  std::unique_ptr<mls::MemoryStorage> storage = std::make_unique<mls::MemoryStorage>();
  std::optional<mls::Group> group;
};

/// A certificate of these keys, signed by `by`.
inline wire::SignedCertificate certify(const Person& person, const DeviceId& device, std::uint32_t era,
                                       const crypto::SignaturePublicKey& key, const crypto::SignaturePrivateKey& by) {
  wire::DeviceCertificate certificate;
  certificate.set_user_id(to_string_bytes(person.user));
  certificate.set_identity_key(wire::field(person.identity.public_key.view()));
  certificate.set_device_id(to_string_bytes(device));
  certificate.set_device_key(wire::field(key.view()));
  certificate.set_era(era);
  certificate.set_list_version(1);
  certificate.set_issued_at(1);
  certificate.set_primary(true);
  return wire::sign_certificate(certificate, by);
}

class People {
 public:
  explicit People(std::uint64_t seed) : random(seed) { must(crypto::initialize()); }

  Person& person() {
    auto& out = people_.emplace_back();
    out.identity = crypto::generate_signature_key(random);
    out.user = wire::user_id_of(out.identity.public_key);
    return out;
  }
  Member& device(const Person& person) { return device(person, random_id<DeviceId>(random), 1); }
  Member& device(const Person& person, const DeviceId& id, std::uint32_t era) {
    auto& out = members_.emplace_back();
    out.person = &person;
    out.device = id;
    out.era = era;
    out.key = crypto::generate_signature_key(random);
    out.credential = wire::serialize(certify(person, out.device, era, out.key.public_key, person.identity.private_key));
    return out;
  }
  /// A new user with one device.
  Member& member() { return device(person()); }

  /// A fresh key package, whose private keys the member keeps.
  const mls::KeyPackage& key_package(Member& member) {
    mls::KeyPackageParams params;
    params.identity = member.credential;
    params.lifetime = {0, UINT64_MAX};
    params.capabilities = mls::Capabilities::standard({client::chat_state_extension, other_extension});
    member.bundle = mls::make_key_package(params, member.key, random);
    return member.bundle->key_package;
  }

  void found(Member& founder, const client::ChatStateView& state) {
    key_package(founder);
    mls::CreateParams params{to_bytes("group"), *founder.bundle, founder.key.private_key,
                             client::with_chat_state({}, state)};
    founder.group = must(mls::Group::create(params, *founder.storage, random));
  }
  /// Adds members by a commit of a group of which only `by` is there yet; they join.
  void gather(Member& by, const std::vector<Member*>& others, bool join = true) {
    mls::CommitSpec spec;
    for (auto* other : others) spec.adds.push_back(key_package(*other));
    const auto staged = must(by.group->stage_commit(spec, random));
    const auto welcome = must(by.group->make_welcome(staged.id, {}, mls::TreeInWelcome::included, random));
    must(by.group->merge_pending(staged.id, noon));
    if (!join) return;
    for (auto* other : others) {
      other->group =
          must(mls::Group::join(welcome, *other->bundle, std::nullopt, other->key.private_key, *other->storage));
    }
  }

  /// Known to all leaves, so that a group may have it.
  static constexpr mls::ExtensionType other_extension = 0xF0FE;
  SeededRandom random;

 private:
  std::deque<Person> people_;
  std::deque<Member> members_;
};

/// The account of this member's device.
inline client::AccountRow account_of(const Member& member) {
  client::AccountRow out;
  out.handle = "somebody";
  out.user = member.person->user;
  out.identity = {member.person->identity.private_key.clone(), member.person->identity.public_key};
  out.device = member.device;
  out.device_key = {member.key.private_key.clone(), member.key.public_key};
  out.era = member.era;
  wire::DeviceList list;
  list.set_user_id(to_string_bytes(out.user));
  list.set_identity_key(wire::field(out.identity.public_key.view()));
  list.set_version(1);
  list.set_issued_at(1);
  *list.add_devices() =
      certify(*member.person, out.device, out.era, out.device_key.public_key, out.identity.private_key);
  out.device_list = wire::sign_device_list(list, out.identity.private_key);
  return out;
}

}  // namespace sotto::test
