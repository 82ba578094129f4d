// The whole system of one run: machines, network, time and the oracle that watches.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <queue>

#include "base/test_hooks.h"
#include "sim/coverage.h"
#include "sim/device.h"
#include "sim/dice.h"
#include "sim/gateways.h"
#include "sim/hostile_member.h"
#include "sim/hostile_relay.h"
#include "sim/network.h"
#include "sim/oracle.h"
#include "sim/relay_host.h"
#include "sim/trace.h"

namespace sotto::sim {

class World {
 public:
  explicit World(const Options& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  /// Lets people live for a while, ends all trouble, waits until all is quiet, and checks everything. Throws Violation.
  void run();

  [[nodiscard]] Timestamp now() const { return now_; }
  void at(Timestamp time, std::function<void()> what);
  void after(Milliseconds time, std::function<void()> what) { at(now_ + time, std::move(what)); }
  /// Time in which nothing is asked of anybody passes: for days, too.
  void let_pass(Milliseconds time);
  /// Now is such a time: nothing more goes wrong with disks, which would keep everybody busy for days.
  [[nodiscard]] bool in_quiet_time() const { return now_ < quiet_until_; }
  [[nodiscard]] bool time_was_let_pass() const { return quiet_until_ > Timestamp{}; }
  /// Whether so much more can pass before entries or key packages expire.
  [[nodiscard]] bool may_pass(Milliseconds time) const;

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] bool enabled(Fault fault) const { return faults_.test(static_cast<std::size_t>(fault)); }
  /// Counts it; false if no more faults are wanted.
  bool inject(Fault fault);
  /// The same for what a hostile relay or member does.
  bool attack(const char* what);
  /// How many storage operations lie between two faults, about; 0: none.
  [[nodiscard]] std::uint64_t storage_fault_distance() const { return storage_fault_distance_; }
  /// While true, disks do what they are told.
  [[nodiscard]] bool calm() const { return calm_; }
  [[nodiscard]] bool trouble_is_over() const { return trouble_over_; }
  struct Calm {
    explicit Calm(World& w) : world(w), before(std::exchange(w.calm_, true)) {}
    ~Calm() { world.calm_ = before; }
    World& world;
    bool before;
  };

  void trace(std::string_view who, std::string_view what);

  [[nodiscard]] RelayHost& relay() { return *relay_; }
  [[nodiscard]] std::deque<Device>& devices() { return devices_; }
  [[nodiscard]] Device* device_of(const UserId& user);
  /// Running, registered devices whose user is there.
  [[nodiscard]] std::vector<Device*> people();
  [[nodiscard]] Network& network() { return *network_; }
  [[nodiscard]] Gateways& gateways() { return *gateways_; }
  [[nodiscard]] Oracle& oracle() { return *oracle_; }
  [[nodiscard]] HostileRelay* hostile_relay() { return hostile_relay_.get(); }
  [[nodiscard]] HostileMember* hostile_member() { return hostile_member_.get(); }
  [[nodiscard]] Trace& the_trace() { return trace_; }
  /// Counts, completed by what the parts counted.
  [[nodiscard]] Coverage coverage() const;
  [[nodiscard]] std::uint64_t operations_done() const { return operations_done_; }
  [[nodiscard]] std::uint64_t faults_injected() const { return faults_injected_; }
  [[nodiscard]] std::uint32_t minutes() const { return minutes_; }
  [[nodiscard]] const Faults& faults() const { return faults_; }
  [[nodiscard]] std::uint32_t key_packages() const { return key_packages_; }
  /// Accounts are made by codes, for phone numbers.
  [[nodiscard]] bool wants_codes() const { return relay_config_.registration == RegistrationMode::code; }
  /// Accounts are made by invitations.
  [[nodiscard]] bool wants_invites() const { return relay_config_.registration == RegistrationMode::invite; }
  [[nodiscard]] std::uint32_t pins_a_day() const { return relay_config_.pins_a_day; }
  [[nodiscard]] Milliseconds handle_notice() const { return Milliseconds(relay_config_.handle_notice_ms); }
  [[nodiscard]] Milliseconds handle_kept() const { return Milliseconds(relay_config_.handle_kept_ms); }
  /// … before everybody may have them.
  [[nodiscard]] bool attachments_expire() const { return relay_config_.blob_lifetime_ms < 3'600'000; }
  /// What goes by the relay's clock is not to be relied on.
  [[nodiscard]] bool relay_clock_was_set() const;

  Dice workload;
  Dice trouble;
  Dice network_random;
  Coverage counts;

 private:
  struct Due {
    Timestamp at;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Due& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  void choose(const Options& options);
  bool may_trouble();
  void run_until(Timestamp end);
  void plan_operation();
  void plan_fault();
  void end_trouble();
  bool all_quiet();
  void settle();

  Options options_;
  Faults faults_;
  std::uint32_t minutes_ = 0;
  std::uint64_t storage_fault_distance_ = 0;
  std::uint64_t fault_pause_ms_ = 0;
  std::uint32_t key_packages_ = 0;
  relay::CoreConfig relay_config_;
  bool calm_ = false;
  bool trouble_over_ = false;
  Timestamp begun_;
  Timestamp now_;
  Timestamp end_;
  std::uint64_t order_ = 0;
  std::uint64_t operations_done_ = 0;
  std::uint64_t faults_injected_ = 0;
  Timestamp quiet_until_{};
  std::priority_queue<Due> due_;
  Trace trace_;
#ifdef SOTTO_TEST_HOOKS
  test_hooks::Hooks hooks_;
#endif
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<HostileRelay> hostile_relay_;
  std::unique_ptr<HostileMember> hostile_member_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Gateways> gateways_;
  std::unique_ptr<RelayHost> relay_;
  std::deque<Device> devices_;
};

}  // namespace sotto::sim
