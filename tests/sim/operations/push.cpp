// Devices that sleep until a notice by push wakes them.
#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

class SetPushToken final : public Operation {
  std::string_view name() const override { return "set a push token"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 5; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    const auto number = world.workload.below(1'000'000);
    const auto dice = world.workload.below(10);
    person->set_push_token(dice == 0 ? std::string() : person->name() + "'s " + std::to_string(number),
                           dice <= 2 ? Urgency::high : Urgency::normal);
    return true;
  }
};
class Sleep final : public Operation {
  std::string_view name() const override { return "sleep"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    const Milliseconds at_most(world.workload.skewed(5'000, 3600 * 1000));
    person->sleep(at_most, world.workload.chance(1, 2));
    return true;
  }
};
const Registered<SetPushToken> set_push_token;
const Registered<Sleep> sleep_until_woken;

}  // namespace
}  // namespace sotto::sim
