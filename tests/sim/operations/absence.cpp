// People who are away: without a network, with the app closed, or everybody for a long time.
#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

constexpr std::uint64_t hour = 3600 * 1000;
constexpr std::uint64_t day = 24 * hour;

class GoOffline final : public Operation {
  std::string_view name() const override { return "go offline"; }
  unsigned weight() const override { return 5; }
  bool run(World& world) override {
    auto* device = pick_person(world);
    if (device == nullptr) return false;
    device->disconnect();
    world.after(Milliseconds(world.workload.skewed(500, hour)), [device] { device->connect(); });
    return true;
  }
};
class CloseApp final : public Operation {
  std::string_view name() const override { return "close the app"; }
  unsigned weight() const override { return 4; }
  bool run(World& world) override {
    auto* device = pick_person(world);
    if (device == nullptr) return false;
    device->close();
    world.after(Milliseconds(world.workload.skewed(100, hour)), [device] { device->start(); });
    return true;
  }
};
/// Somebody stays away while nothing happens for days or weeks, below the 30 days after which entries expire.
class LongAbsence final : public Operation {
  std::string_view name() const override { return "be away for long"; }
  unsigned weight() const override { return 1; }
  bool run(World& world) override {
    const auto people = world.people();
    if (people.empty() || !world.workload.chance(1, 3) || !world.may_pass(Milliseconds(21 * day))) return false;
    auto* device = world.workload.pick(people);
    device->close();
    const auto time = Milliseconds(world.workload.skewed(hour, 21 * day));
    world.let_pass(time);
    world.after(time, [device] { device->start(); });
    return true;
  }
};
const Registered<GoOffline> offline;
const Registered<CloseApp> close_app;
const Registered<LongAbsence> absence;

}  // namespace
}  // namespace sotto::sim
