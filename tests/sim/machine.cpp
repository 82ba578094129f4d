#include "sim/machine.h"

#include "sim/world.h"

namespace sotto::sim {

namespace {
constexpr Milliseconds clock_watched{2 * 3600 * 1000};

Fault fault_of(Disk::Op op, bool relay) {
  switch (op) {
    case Disk::Op::write:
    case Disk::Op::truncate:
    case Disk::Op::remove:
      return relay ? Fault::relay_write_error : Fault::write_error;
    case Disk::Op::sync:
      return relay ? Fault::relay_sync_error : Fault::sync_error;
    default:
      return relay ? Fault::relay_read_error : Fault::read_error;
  }
}
}  // namespace

Machine::Machine(World& world, std::string name, std::uint64_t seed, bool is_relay)
    : world_(world), name_(std::move(name)), is_relay_(is_relay), disk_(seed) {
  disk_.decide = [this](const Disk::Operation& operation) { return decide(operation); };
  disk_.now_ms = [this] { return local_now().time_since_epoch().count(); };
  drift_since_ = world.now();
  // A disk as SQLite takes it for granted on Linux; one that damages whole sectors is more than it survives (disk.h).
  disk_.failed_sync_forgets = (seed & 1) == 0;
  disk_.powersafe_overwrite = disk_.failed_sync_forgets || world.options().workload >= 2;
  plan_next_fault();
}

void Machine::trace(std::string_view what) { world_.trace(name_, what); }

Timestamp Machine::local_now() const {
  const auto drifted = (world_.now() - drift_since_).count() * drift_ppm_ / 1'000'000;
  return world_.now() + offset_ + Milliseconds(drifted);
}

void Machine::set_clock(Milliseconds by) {
  offset_ += by;
  clock_set_until_ = world_.now() + clock_watched;
}

void Machine::set_drift(std::int64_t ppm) {
  offset_ = local_now() - world_.now();
  drift_since_ = world_.now();
  drift_ppm_ = ppm;
}

bool Machine::clock_was_set() const { return world_.now() < clock_set_until_; }

void Machine::fill_disk(Milliseconds time) {
  disk_.capacity = disk_.used() + 2048;
  world_.after(time, [this] { disk_.capacity = 0; });
}

void Machine::schedule_step(Timestamp at) {
  at = std::max(at, busy_until_);
  if (step_at_ && *step_at_ <= at) return;
  step_at_ = at;
  world_.at(at, [this, ticket = ++step_ticket_] {
    if (ticket != step_ticket_ || !running()) return;
    step_at_.reset();
    step();
  });
}

void Machine::wake_after(std::optional<Milliseconds> sleep) {
  const auto ticket = ++timer_ticket_;
  if (!sleep) return;
  world_.after(*sleep, [this, ticket] {
    if (ticket == timer_ticket_ && running()) schedule_step(world_.now());
  });
}

void Machine::forget_steps() {
  ++step_ticket_;
  ++timer_ticket_;
  step_at_.reset();
}

bool Machine::take_storage_failed() {
  const auto full = disk_.counts().full_writes;
  const bool was_full = std::exchange(full_writes_, full) != full;
  return std::exchange(storage_failed_, false) || was_full;
}

void Machine::plan_next_fault() {
  const auto distance = world_.storage_fault_distance();
  next_fault_ = distance == 0 ? UINT64_MAX : disk_.operations() + 1 + world_.trouble.below(2 * distance);
}

Disk::Verdict Machine::decide(const Disk::Operation& operation) {
  if (world_.calm() || world_.in_quiet_time() || operation.number < next_fault_) return Disk::Verdict::proceed;
  plan_next_fault();
  struct Choice {
    Fault fault;
    Disk::Verdict verdict;
  };
  const Choice error{fault_of(operation.op, is_relay_), Disk::Verdict::fail};
  const Choice kill{is_relay_ ? Fault::relay_kill : Fault::kill, Disk::Verdict::kill};
  const Choice power{is_relay_ ? Fault::relay_power_cut : Fault::power_cut, Disk::Verdict::power_cut};
  const auto dice = world_.trouble.below(4);
  const auto& choice = dice == 0 ? kill : dice == 1 ? power : error;
  if (!world_.enabled(choice.fault) || !world_.inject(choice.fault)) return Disk::Verdict::proceed;
  trace(std::string(name_of(choice.fault)) + " at operation " + std::to_string(operation.number) + " of " +
        std::string(operation.file) + " offset " + std::to_string(operation.offset));
  storage_failed_ = true;
  return choice.verdict;
}

}  // namespace sotto::sim
