#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

class FindUser final : public Operation {
  std::string_view name() const override { return "find user"; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    const auto people = world.people();
    if (people.empty()) return false;
    const auto whom = world.workload.below(world.devices().size() + 1);
    auto* who = world.workload.pick(people);
    who->find_user(world.wants_codes() && whom < world.devices().size()
                       ? world.devices()[static_cast<std::size_t>(whom)].handle
                       : "user" + std::to_string(whom));
    return true;
  }
};
const Registered<FindUser> registered;

}  // namespace
}  // namespace sotto::sim
