// Processes that die between two of the things that a step lets out, and a relay that is stopped. Those that die inside
// a storage operation are Machine's.
#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

class KillSending final : public Operation {
  std::string_view name() const override { return name_of(Fault::kill_sending); }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    const auto people = world.people();
    if (!world.enabled(Fault::kill_sending) || people.empty()) return false;
    world.trouble.pick(people)->die_in_next_step(static_cast<std::size_t>(world.trouble.below(4)));
    return true;
  }
};
class RelayKillSending final : public Operation {
  std::string_view name() const override { return name_of(Fault::relay_kill_sending); }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    if (!world.enabled(Fault::relay_kill_sending) || !world.relay().running()) return false;
    world.relay().die_in_next_step(static_cast<std::size_t>(world.trouble.below(4)));
    return true;
  }
};
class RelayRestart final : public Operation {
  std::string_view name() const override { return name_of(Fault::relay_restart); }
  unsigned weight() const override { return 2; }
  bool run(World& world) override {
    if (!world.enabled(Fault::relay_restart) || !world.relay().running() || !world.inject(Fault::relay_restart))
      return false;
    world.relay().restart(Milliseconds(world.trouble.skewed(0, 30'000)));
    return true;
  }
};
class SlowRelay final : public Operation {
  std::string_view name() const override { return name_of(Fault::slow_relay); }
  unsigned weight() const override { return 2; }
  bool run(World& world) override {
    if (!world.enabled(Fault::slow_relay) || !world.inject(Fault::slow_relay)) return false;
    world.trace("relay", name());
    const Milliseconds lasting(world.trouble.skewed(1'000, 60'000));
    const Milliseconds by(world.trouble.skewed(50, 5'000));
    world.relay().slow_down(by, lasting);
    return true;
  }
};
const Registered<KillSending> kill_sending(true);
const Registered<RelayKillSending> relay_kill_sending(true);
const Registered<RelayRestart> relay_restart(true);
const Registered<SlowRelay> slow_relay(true);

}  // namespace
}  // namespace sotto::sim
