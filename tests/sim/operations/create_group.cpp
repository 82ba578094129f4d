#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

class CreateGroup final : public Operation {
  std::string_view name() const override { return "create group"; }
  unsigned weight() const override { return 5; }
  bool run(World& world) override {
    auto people = world.people();
    if (const auto* hostile = world.hostile_member()) {
      std::erase_if(people, [&](const Device* device) { return hostile->is(*device); });
    }
    if (people.empty()) return false;
    auto* founder = world.workload.pick(people);
    std::vector<Device*> others;
    for (auto& device : world.devices()) {
      if (&device != founder && device.registered() && world.workload.chance(1, 2)) others.push_back(&device);
    }
    if (others.empty()) return false;
    founder->create_group(others, "group " + std::to_string(world.operations_done()));
    return true;
  }
};
const Registered<CreateGroup> registered;

}  // namespace
}  // namespace sotto::sim
