// One person writes to another for the first time; sometimes both do so at once.
#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

void create(World& world, bool both) {
  const auto people = world.people();
  auto* one = world.workload.pick(people);
  auto* other = one;
  while (other == one) other = world.workload.pick(people);
  one->create_direct(*other);
  if (both) other->create_direct(*one);
}

class CreateDirect final : public Operation {
  std::string_view name() const override { return "create direct chat"; }
  unsigned weight() const override { return 5; }
  bool run(World& world) override {
    if (world.people().size() < 2) return false;
    create(world, false);
    return true;
  }
};
class CreateDirectBoth final : public Operation {
  std::string_view name() const override { return "create the same direct chat"; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    if (world.people().size() < 2) return false;
    create(world, true);
    return true;
  }
};
const Registered<CreateDirect> one;
const Registered<CreateDirectBoth> both;

}  // namespace
}  // namespace sotto::sim
