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

  [[nodiscard]] bool running() const override { return core_ != nullptr; }
  void start();
  /// As an operator stops it; it comes back by itself.
  void restart(Milliseconds pause);
  void die(bool power_cut, Milliseconds pause);
  void die_in_next_step(std::size_t after) { die_after_ = after; }
  void input(relay::Input input);
  /// Its steps take up to this long, for a time.
  void slow_down(Milliseconds step, Milliseconds time);
  [[nodiscard]] bool runs_take_time() const { return longest_run_ms_ > 0; }
  /// How long it takes at the most until what was decided is durable.
  [[nodiscard]] Milliseconds longest_until_durable() const {
    return 2 * (Milliseconds(longest_run_ms_) + slowest_step_);
  }
  void heal() { slow_until_ = {}; }
  /// What its operator does beside it, also while it is down. An invitation that was not told may be there.
  Result<std::string> create_invite(std::uint32_t uses);
  Status revoke_invite(const std::string& text);
  /// A second look into its file, for checks.
  std::unique_ptr<store::Database> open_reader();

 private:
  void try_start();
  [[nodiscard]] store::OpenOptions operator_options();
  void step() override;
  bool let_out(relay::Outputs out);
  /// The run of the store that was begun ends after a while.
  void plan_end_of_run();
  void lose_process();
  void check_disk();

  Dice random_;
  Dice disk_dice_;
  relay::CoreConfig config_;
  Logger log_;
  std::unique_ptr<TapBackend> backend_;
  std::unique_ptr<relay::Core> core_;
  std::vector<relay::Input> inputs_;
  Timestamp slow_until_{};
  Milliseconds slow_step_{0};
  /// Of all times that it was slowed down.
  Milliseconds slowest_step_{0};
  bool waits_for_drain_ = false;
  /// Since workload 6 a run takes up to this long, as on a thread of its own; 0: it ends at once.
  std::uint64_t longest_run_ms_ = 0;
  std::uint64_t process_ = 0;
  /// A run met a fault of the disk.
  bool disturbed_ = false;
  std::optional<std::size_t> die_after_;
};

}  // namespace sotto::sim
