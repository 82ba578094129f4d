// Devices with groups in memory, and shorthands for what they do to each other.
#pragma once

#include <memory>
#include <string>

#include "crypto/sign.h"
#include "mls/group.h"
#include "mls/memory_storage.h"
#include "support/must.h"

namespace sotto::mls::test {

inline Timestamp at(int milliseconds) { return Timestamp(std::chrono::milliseconds(milliseconds)); }

using sotto::test::must;

struct Device {
  std::string name;
  crypto::SignatureKeyPair signature_key;
  KeyPackageBundle bundle;
  std::unique_ptr<MemoryStorage> storage = std::make_unique<MemoryStorage>();
  std::optional<Group> group;

  void reload() {
    group.reset();
    group.emplace(must(Group::load(*storage)));
  }
  [[nodiscard]] const KeyPackage& key_package() const { return bundle.key_package; }
};

class World {
 public:
  explicit World(std::uint64_t seed = 1) : random(seed) {}

  Device device(const std::string& name, std::vector<ExtensionType> extensions = {0xf001}) {
    Device out;
    out.name = name;
    out.signature_key = crypto::generate_signature_key(random);
    KeyPackageParams params;
    params.identity = to_bytes(name);
    params.lifetime = {0, 1000};
    params.capabilities = Capabilities::standard(std::move(extensions));
    out.bundle = make_key_package(params, out.signature_key, random);
    return out;
  }

  Device founder(const std::string& name, Extensions extensions = {}) {
    auto out = device(name);
    out.group.emplace(must(Group::create(
        {to_bytes("group"), out.bundle, out.signature_key.private_key, std::move(extensions)}, *out.storage, random)));
    return out;
  }

  /// `who` commits, merges, and the others of `members` follow.
  CommitEffects commit(Device& who, const CommitSpec& spec, const std::vector<Device*>& members,
                       const std::vector<Device*>& joiners = {}) {
    const auto staged = must(who.group->stage_commit(spec, random));
    if (!joiners.empty()) {
      const auto welcome = must(who.group->make_welcome(staged.id, {}, TreeInWelcome::included, random));
      for (auto* joiner : joiners) join(*joiner, welcome);
    }
    auto effects = must(who.group->pending(staged.id)).effects;
    must(who.group->merge_pending(staged.id, at(1)));
    for (auto* member : members) {
      if (member != &who) follow(*member, staged.message);
    }
    return effects;
  }

  /// A group of these devices, made by the first of them.
  void gather(Device& first, const std::vector<Device*>& others) {
    CommitSpec spec;
    for (const auto* device : others) spec.adds.push_back(device->key_package());
    commit(first, spec, {}, others);
  }

  void join(Device& device, const Welcome& welcome, std::optional<ByteView> tree = {}) {
    device.group.emplace(
        must(Group::join(welcome, device.bundle, tree, device.signature_key.private_key, *device.storage)));
  }

  static ApplyOutcome follow(Device& device, ByteView message, Timestamp now = at(1)) {
    auto opened = must(device.group->open(message));
    REQUIRE(std::holds_alternative<ReceivedCommit>(opened));
    return must(device.group->apply(std::get<ReceivedCommit>(std::move(opened)), now));
  }

  Bytes say(Device& device, std::string_view text) {
    return must(device.group->encrypt(as_bytes(text), as_bytes("aad"), Padding::padme, random));
  }

  static std::string read(Device& device, ByteView message) {
    const auto opened = must(device.group->open(message));
    REQUIRE(std::holds_alternative<ApplicationMessage>(opened));
    return to_string(std::get<ApplicationMessage>(opened).plaintext);
  }

  SeededRandom random;
};

inline void require_agreement(const std::vector<Device*>& members) {
  const auto& first = *members.front()->group;
  for (const auto* member : members) {
    const auto& group = *member->group;
    INFO(member->name);
    REQUIRE(group.epoch() == first.epoch());
    REQUIRE(group.tree_hash() == first.tree_hash());
    REQUIRE(equal(group.epoch_authenticator(), first.epoch_authenticator()));
    REQUIRE(equal(group.export_secret("test", as_bytes("c"), 32).view(),
                  first.export_secret("test", as_bytes("c"), 32).view()));
  }
}

}  // namespace sotto::mls::test
