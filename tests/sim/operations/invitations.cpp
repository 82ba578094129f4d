// An operator who invites people, and thinks better of it.
#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

/// More people hear of an invitation than can use it, and some misread it.
class Invite final : public Operation {
  std::string_view name() const override { return "invite"; }
  unsigned since() const override { return 7; }
  unsigned weight() const override { return 25; }
  bool run(World& world) override {
    if (!world.wants_invites()) return false;
    const auto uses = static_cast<std::uint32_t>(world.workload.skewed(1, 3));
    const auto text = world.relay().create_invite(uses);
    if (!text.ok()) return true;
    world.oracle().invites.on_made(*text);
    for (auto left = world.workload.between(1, uses + 2); left > 0; --left) {
      auto& device = pick_device(world);
      const bool misread = world.workload.chance(1, 20);
      if (device.running()) device.take_invite(misread ? "0" + *text : *text);
    }
    return true;
  }
};
class RevokeInvite final : public Operation {
  std::string_view name() const override { return "revoke an invitation"; }
  unsigned since() const override { return 7; }
  unsigned weight() const override { return 4; }
  bool run(World& world) override {
    const auto texts = world.oracle().invites.texts();
    if (texts.empty()) return false;
    const auto& text = world.workload.pick(texts);
    if (world.relay().revoke_invite(text).ok()) world.oracle().invites.on_revoked(text);
    return true;
  }
};
const Registered<Invite> invite;
const Registered<RevokeInvite> revoke_invite;

}  // namespace
}  // namespace sotto::sim
