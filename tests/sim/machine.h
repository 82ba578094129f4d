// One machine: its disk, its clock, and what goes wrong with them.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "sim/disk.h"
#include "sim/options.h"
#include "sotto/types.h"

namespace sotto::sim {

class World;
using Milliseconds = std::chrono::milliseconds;

class Machine {
 public:
  Machine(World& world, std::string name, std::uint64_t seed, bool is_relay);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Disk& disk() { return disk_; }
  [[nodiscard]] const Disk& disk() const { return disk_; }

  /// What this machine's clock shows.
  [[nodiscard]] Timestamp local_now() const;
  void set_clock(Milliseconds by);
  /// Millionths by which it runs fast (or slow).
  void set_drift(std::int64_t ppm);
  /// True for a while after the clock was set: drivers then look at it every 30 s.
  [[nodiscard]] bool clock_was_set() const;

  /// The disk has no room left until `time` has passed.
  void fill_disk(Milliseconds time);
  /// Whether a storage operation failed since this was last asked.
  bool take_storage_failed();

  void trace(std::string_view what);

  /// Its process runs.
  [[nodiscard]] virtual bool running() const = 0;

 protected:
  virtual void step() = 0;
  /// Steps at this time, or earlier if that was asked for before; not while it is busy.
  void schedule_step(Timestamp at);
  /// Steps after this time, if nothing else is said before; nothing: never.
  void wake_after(std::optional<Milliseconds> sleep);
  /// What was scheduled was the business of a process that is gone.
  void forget_steps();

  World& world_;
  Timestamp busy_until_{};

 private:
  Disk::Verdict decide(const Disk::Operation& operation);
  void plan_next_fault();

  std::optional<Timestamp> step_at_;
  std::uint64_t step_ticket_ = 0;
  std::uint64_t timer_ticket_ = 0;
  std::string name_;
  bool is_relay_;
  Disk disk_;
  std::uint64_t next_fault_ = 0;
  bool storage_failed_ = false;
  std::uint64_t full_writes_ = 0;
  Milliseconds offset_{0};
  std::int64_t drift_ppm_ = 0;
  Timestamp drift_since_{};
  Timestamp clock_set_until_{};
};

}  // namespace sotto::sim
