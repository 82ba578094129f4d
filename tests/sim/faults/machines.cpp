// Clocks and disks.
#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

class OfMachine : public Operation {
 public:
  OfMachine(Fault client, Fault relay, unsigned weight) : client_(client), relay_(relay), weight_(weight) {}
  std::string_view name() const override { return name_of(client_); }
  unsigned weight() const override { return weight_; }
  bool run(World& world) override {
    const bool relay = world.trouble.chance(1, 4);
    const auto fault = relay ? relay_ : client_;
    auto& device = world.devices()[static_cast<std::size_t>(world.trouble.below(world.devices().size()))];
    auto& machine = relay ? static_cast<Machine&>(world.relay()) : device;
    if (!world.enabled(fault) || !world.inject(fault)) return false;
    world.trace(machine.name(), name_of(fault));
    act(world, machine);
    return true;
  }

 protected:
  virtual void act(World& world, Machine& machine) = 0;

 private:
  Fault client_;
  Fault relay_;
  unsigned weight_;
};

struct FullDisk final : OfMachine {
  FullDisk() : OfMachine(Fault::full_disk, Fault::relay_full_disk, 3) {}
  void act(World& world, Machine& machine) override {
    machine.fill_disk(Milliseconds(world.trouble.skewed(1'000, 60'000)));
  }
};
/// By hours at most: key packages are valid from a day before they were made.
struct ClockJump final : OfMachine {
  ClockJump() : OfMachine(Fault::clock_jump, Fault::relay_clock_jump, 2) {}
  void act(World& world, Machine& machine) override {
    const auto by = static_cast<std::int64_t>(world.trouble.skewed(1'000, 6 * 3600 * 1000));
    machine.set_clock(Milliseconds(world.trouble.chance(1, 2) ? by : -by));
  }
};
struct ClockDrift final : OfMachine {
  ClockDrift() : OfMachine(Fault::clock_drift, Fault::relay_clock_drift, 2) {}
  void act(World& world, Machine& machine) override {
    machine.set_drift(static_cast<std::int64_t>(world.trouble.below(1'001)) - 500);
  }
};
const Registered<FullDisk> full_disk(true);
const Registered<ClockJump> clock_jump(true);
const Registered<ClockDrift> clock_drift(true);

}  // namespace
}  // namespace sotto::sim
