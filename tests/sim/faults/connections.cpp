// What goes wrong between two ends.
#include "sim/operation.h"
#include "sim/world.h"

namespace sotto::sim {
namespace {

/// A fault of some open connection.
class OfConnection : public Operation {
 public:
  OfConnection(Fault fault, unsigned weight) : fault_(fault), weight_(weight) {}
  std::string_view name() const override { return name_of(fault_); }
  unsigned weight() const override { return weight_; }
  bool run(World& world) override {
    if (!world.enabled(fault_)) return false;
    auto open = world.network().open();
    std::erase_if(open, [&](relay::ConnectionId id) { return !fits(world.network(), id); });
    if (open.empty()) return false;
    const auto id = world.trouble.pick(open);
    if (!world.inject(fault_)) return false;
    world.trace("link " + std::to_string(id), name());
    act(world, id);
    return true;
  }

 protected:
  virtual bool fits(Network& network, relay::ConnectionId id) const {
    static_cast<void>(network);
    static_cast<void>(id);
    return true;
  }
  virtual void act(World& world, relay::ConnectionId id) = 0;

 private:
  Fault fault_;
  unsigned weight_;
};

struct Cut final : OfConnection {
  Cut() : OfConnection(Fault::cut, 10) {}
  void act(World& world, relay::ConnectionId id) override { world.network().cut(id, false); }
};
struct CutInFrame final : OfConnection {
  CutInFrame() : OfConnection(Fault::cut_in_frame, 10) {}
  bool fits(Network& network, relay::ConnectionId id) const override { return network.busy(id); }
  void act(World& world, relay::ConnectionId id) override { world.network().cut(id, false); }
};
struct HalfOpen final : OfConnection {
  HalfOpen() : OfConnection(Fault::half_open, 5) {}
  void act(World& world, relay::ConnectionId id) override { world.network().cut(id, true); }
};
struct Delay final : OfConnection {
  Delay() : OfConnection(Fault::delay, 5) {}
  void act(World& world, relay::ConnectionId id) override {
    // One after the other: compilers differ in which argument they evaluate first.
    const Milliseconds lasting(world.trouble.skewed(1'000, 60'000));
    const Milliseconds by(world.trouble.skewed(100, 5'000));
    world.network().slow_down(id, by, lasting);
  }
};
struct StallUp final : OfConnection {
  StallUp() : OfConnection(Fault::stall_up, 3) {}
  void act(World& world, relay::ConnectionId id) override {
    world.network().stall(id, Network::Side::up, Milliseconds(world.trouble.skewed(1'000, 90'000)));
  }
};
struct StallDown final : OfConnection {
  StallDown() : OfConnection(Fault::stall_down, 3) {}
  void act(World& world, relay::ConnectionId id) override {
    world.network().stall(id, Network::Side::down, Milliseconds(world.trouble.skewed(1'000, 90'000)));
  }
};
struct Narrow final : OfConnection {
  Narrow() : OfConnection(Fault::narrow, 3) {}
  void act(World& world, relay::ConnectionId id) override {
    world.network().set_rate(id, world.trouble.skewed(300, 50'000));
  }
};
const Registered<Cut> cut(true);
const Registered<CutInFrame> cut_in_frame(true);
const Registered<HalfOpen> half_open(true);
const Registered<Delay> delay(true);
const Registered<StallUp> stall_up(true);
const Registered<StallDown> stall_down(true);
const Registered<Narrow> narrow(true);

}  // namespace
}  // namespace sotto::sim
