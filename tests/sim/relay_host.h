// The machine of the relay: the real core over the real SQLite backend.
#pragma once

#include "relay/core.h"
#include "sim/dice.h"
#include "sim/machine.h"
#include "sim/tap_backend.h"

namespace sotto::sim {

class RelayHost final : public Machine {
 public:
  RelayHost(World& world, std::uint64_t seed, const relay::CoreConfig& config);
  ~RelayHost() override;

  [[nodiscard]] bool up() const { return core_ != nullptr; }
  void start();
  /// As an operator stops it; it comes back by itself.
  void restart(Milliseconds pause);
  void die(bool power_cut, Milliseconds pause);
  void die_in_next_step(std::size_t after) { die_after_ = after; }
  void input(relay::Input input);
  /// Its steps take up to this long, for a time.
  void slow_down(Milliseconds step, Milliseconds time);
  void heal() { slow_until_ = {}; }
  [[nodiscard]] bool idle() const { return inputs_.empty(); }
  /// A second look into its file, for checks.
  std::unique_ptr<store::Database> open_reader();

 private:
  void try_start();
  void schedule_step(Timestamp at);
  void step();
  bool let_out(relay::Outputs out);
  void lose_process();
  void check_disk();

  Dice random_;
  relay::CoreConfig config_;
  Logger log_;
  std::unique_ptr<TapBackend> backend_;
  std::unique_ptr<relay::Core> core_;
  std::vector<relay::Input> inputs_;
  std::optional<Timestamp> step_at_;
  std::uint64_t step_ticket_ = 0;
  std::uint64_t timer_ticket_ = 0;
  Timestamp busy_until_{};
  Timestamp slow_until_{};
  Milliseconds slow_step_{0};
  bool waits_for_drain_ = false;
  std::optional<std::size_t> die_after_;
};

}  // namespace sotto::sim
