#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

class Register final : public Operation {
  std::string_view name() const override { return "register"; }
  unsigned weight() const override { return 20; }
  bool run(World& world) override {
    std::vector<Device*> strangers;
    for (auto& device : world.devices()) {
      if (device.running() && !device.registered()) strangers.push_back(&device);
    }
    if (strangers.empty()) return false;
    auto* stranger = world.workload.pick(strangers);
    // Without an invitation few try.
    if (world.wants_invites() && !stranger->has_invite() && !world.workload.chance(1, 8)) return false;
    stranger->register_account();
    return true;
  }
};
const Registered<Register> registered;

}  // namespace
}  // namespace sotto::sim
