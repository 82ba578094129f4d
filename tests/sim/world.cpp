#include "sim/world.h"

#include <algorithm>

#include "crypto/init.h"
#include "sim/operation.h"

namespace sotto::sim {

namespace {

constexpr Timestamp beginning{Milliseconds(1'800'000'000'000)};
/// Rate limits let an emptied bucket of commits fill up slowly; beyond this, something is stuck.
constexpr Milliseconds patience{2 * 3600 * 1000};
constexpr Milliseconds patience_with_a_liar{20 * 60 * 1000};

/// What a version of the workload does otherwise than the next.
struct Shape {
  /// Of a hundred worlds, so many are small, and so many at most middling.
  std::uint64_t small;
  std::uint64_t middling;
  std::uint64_t devices_of_small;
  std::uint64_t least_key_packages;
  /// Operations that are tried until one has something to do.
  int tries;
};
constexpr Shape shape_of(unsigned workload) { return workload >= 2 ? Shape{90, 99, 5, 4, 5} : Shape{80, 97, 4, 20, 1}; }

Operation& choose_by_weight(const std::vector<Operation*>& from, unsigned workload, Dice& dice) {
  const auto weight_of = [&](const Operation& it) { return it.since() <= workload ? it.weight() : 0; };
  std::uint64_t sum = 0;
  for (const auto* operation : from) sum += weight_of(*operation);
  auto at = dice.below(sum);
  for (auto* operation : from) {
    if (at < weight_of(*operation)) return *operation;
    at -= weight_of(*operation);
  }
  return *from.back();
}

}  // namespace

World::World(const Options& options)
    : workload(options.seed, 10),
      trouble(options.seed, 11),
      network_random(options.seed, 12),
      options_(options),
      begun_(beginning),
      now_(beginning),
      trace_(options.verbose) {
  if (!crypto::initialize().ok()) violated("libsodium starts", "");
  reset_sqlite_randomness(options.seed);
  choose(options);
  oracle_ = std::make_unique<Oracle>(*this);
#ifdef SOTTO_TEST_HOOKS
  hooks_.sealed = [this](ByteView key, ByteView ciphertext) { oracle_->on_sealed(key, ciphertext); };
  hooks_.planted = test_hooks::find_plant(options.planted);
  test_hooks::current = &hooks_;
#endif
  network_ = std::make_unique<Network>(*this);
  gateways_ = std::make_unique<Gateways>(*this);
  relay_ = std::make_unique<RelayHost>(*this, trouble.below(UINT64_MAX), relay_config_);
  for (std::size_t i = 0; i < *options_.devices; ++i) {
    auto& device = devices_.emplace_back(*this, i, trouble.below(UINT64_MAX));
    gateways_->give_number(device.handle, device);
  }
  if (options.hostile == Hostile::relay) hostile_relay_ = std::make_unique<HostileRelay>(*this);
  if (options.hostile == Hostile::member) hostile_member_ = std::make_unique<HostileMember>(*this);
}

World::~World() {
  calm_ = true;
#ifdef SOTTO_TEST_HOOKS
  test_hooks::current = nullptr;
#endif
}

void World::choose(const Options& options) {
  Dice dice(options.seed, 1);
  // Many small worlds find more than a few large ones; now and then a large one.
  const auto size = dice.below(100);
  const auto shape = shape_of(options.workload);
  const bool small = size < shape.small;
  const bool middling = size < shape.middling;
  const auto devices = small      ? dice.between(2, shape.devices_of_small)
                       : middling ? dice.between(3, 7)
                                  : dice.between(8, 20);
  const auto minutes = small ? 1 : middling ? dice.between(1, 4) : dice.between(3, 12);
  if (!options_.devices) options_.devices = static_cast<std::uint32_t>(devices);
  minutes_ = options.minutes.value_or(static_cast<std::uint32_t>(minutes));
  // All kinds, none, or some: faults that never meet each other hide less behind each other.
  const auto kinds = dice.below(8);
  const auto choose_faults = [&](std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) faults_.set(i, kinds == 0 ? false : kinds <= 3 || dice.chance(1, 3));
  };
  choose_faults(0, first_faults);
  storage_fault_distance_ = dice.skewed(200, 20'000);
  fault_pause_ms_ = dice.skewed(1'000, 60'000);
  key_packages_ = static_cast<std::uint32_t>(dice.chance(1, 50) ? 100 : dice.between(shape.least_key_packages, 24));
  if (options.workload >= 5) {
    choose_faults(first_faults, fault_count);
    relay_config_.push = true;
    if (dice.chance(1, 3)) relay_config_.registration = RegistrationMode::code;
    // What takes a minute or a day happens within a run.
    relay_config_.code_resend_ms = 3'000;
    relay_config_.codes_a_day = 20;
    relay_config_.codes_address = {20, 1};
    relay_config_.handle_notice_ms = 15'000;
    relay_config_.handle_kept_ms = 20'000;
    if (dice.chance(1, 4)) relay_config_.blob_lifetime_ms = relay_config_.blob_received_lifetime_ms = 10'000;
  }
  if (options.workload >= 7) {
    relay_config_.pins_a_day = 2;
    // No lifetime is below that of an upload that is under way.
    relay_config_.upload_lifetime_ms = std::min(relay_config_.upload_lifetime_ms, relay_config_.blob_lifetime_ms);
    relay_config_.blob_expiry_ms = 3'000;
    // Trimmed at once, it may be by the run that makes an ack durable.
    relay_config_.trim_ms = dice.skewed(1, 1'000);
    relay_config_.busy_trim_ms = std::min<std::uint64_t>(relay_config_.trim_ms, 50);
    if (!wants_codes() && dice.chance(1, 3)) relay_config_.registration = RegistrationMode::invite;
  }
  if (options.faults) faults_ = *options.faults;
}

bool World::may_trouble() {
  if (calm_ || trouble_over_ || faults_injected_ >= options_.most_faults) return false;
  ++faults_injected_;
  return true;
}

bool World::inject(Fault fault) {
  if (!may_trouble()) return false;
  ++counts.faults[static_cast<std::size_t>(fault)];
  return true;
}

bool World::attack(const char* what) {
  if (!may_trouble()) return false;
  ++counts.attacks[what];
  trace("hostile", what);
  return true;
}

void World::at(Timestamp time, std::function<void()> what) {
  due_.push({std::max(time, now_), ++order_, std::move(what)});
}

bool World::relay_clock_was_set() const {
  const auto fired = [&](Fault fault) { return counts.faults[static_cast<std::size_t>(fault)] > 0; };
  return fired(Fault::relay_clock_jump) || fired(Fault::relay_clock_drift);
}

void World::trace(std::string_view who, std::string_view what) { trace_.line((now_ - begun_).count(), who, what); }

Device* World::device_of(const UserId& user) {
  const auto it = std::ranges::find_if(devices_, [&](const Device& device) { return device.user == user; });
  return it == devices_.end() || user.is_zero() ? nullptr : &*it;
}

std::vector<Device*> World::people() {
  std::vector<Device*> out;
  for (auto& device : devices_) {
    if (device.running() && device.registered()) out.push_back(&device);
  }
  return out;
}

void World::run_until(Timestamp end) {
  while (!due_.empty() && due_.top().at <= end) {
    now_ = std::max(now_, due_.top().at);
    const auto what = due_.top().what;
    due_.pop();
    what();
  }
  now_ = std::max(now_, end);
}

void World::let_pass(Milliseconds time) {
  quiet_until_ = std::max(quiet_until_, now_) + time;
  end_ += time;
}

bool World::may_pass(Milliseconds time) const {
  constexpr Milliseconds most{25LL * 24 * 3600 * 1000};
  return std::max(quiet_until_, now_) + time - begun_ < most;
}

void World::plan_operation() {
  // Each does something every eight seconds; more than six people do not make more of it, but longer runs.
  const auto pause = workload.below(2 * 8000 / std::min<std::size_t>(devices_.size(), 6) + 1);
  at(std::max(now_, quiet_until_) + Milliseconds(pause + 1), [this] {
    if (now_ >= end_ || trouble_over_) return;
    plan_operation();
    if (operations_done_ >= options_.most_operations) return;
    // Most need a chat, of which there is none at first: another is chosen then.
    for (int tries = shape_of(options_.workload).tries; tries > 0; --tries) {
      auto& operation = choose_by_weight(Operation::of_users(), options_.workload, workload);
      if (!operation.run(*this)) continue;
      ++operations_done_;
      ++counts.operations[std::string(operation.name())];
      break;
    }
  });
}

void World::plan_fault() {
  at(std::max(now_, quiet_until_) + Milliseconds(trouble.below(2 * fault_pause_ms_) + 1), [this] {
    if (now_ >= end_ || trouble_over_) return;
    plan_fault();
    choose_by_weight(Operation::of_trouble(), options_.workload, trouble).run(*this);
  });
}

void World::end_trouble() {
  trace("world", "trouble ends");
  trouble_over_ = true;
  calm_ = true;
  network_->heal();
  relay_->heal();
  relay_->disk().capacity = 0;
  relay_->start();
  for (auto& device : devices_) {
    device.disk().capacity = 0;
    device.start();
    device.connect();
  }
}

bool World::all_quiet() {
  if (!relay_->running()) return false;
  return std::ranges::all_of(devices_, [this](Device& device) {
    if (hostile_member_ && hostile_member_->is(device)) return true;
    return device.running() && (!device.registered() || (device.online() && device.quiet()));
  });
}

void World::settle() {
  // A hostile relay can keep what it likes; a hostile member can stop nobody.
  const bool must_settle = options_.hostile != Hostile::relay;
  const auto until = now_ + (must_settle ? patience : patience_with_a_liar);
  while (!all_quiet()) {
    if (now_ >= until || due_.empty()) {
      if (!must_settle) break;
      std::string who;
      for (auto& device : devices_) {
        if (!device.running() || (device.registered() && (!device.online() || !device.quiet()))) {
          who += " " + device.name();
        }
      }
      violated("once trouble ends, everything is delivered", "not yet:" + who);
    }
    run_until(std::min(due_.empty() ? until : due_.top().at + Milliseconds(500), until));
  }
  // Acks, receipts and the trimming that they allow.
  run_until(now_ + Milliseconds(90'000));
}

void World::run() {
  end_ = now_ + Milliseconds(std::uint64_t{minutes_} * 60'000);
  relay_->start();
  for (auto& device : devices_) {
    after(Milliseconds(workload.below(5'000)), [&device] { device.start(); });
  }
  plan_operation();
  plan_fault();
  if (hostile_member_) hostile_member_->change_often();
  while (now_ < end_) run_until(end_);
  end_trouble();
  settle();
  oracle_->check_at_the_end();
  trace("world", "ends");
}

Coverage World::coverage() const {
  auto out = counts;
  out.runs = 1;
  out.virtual_ms = static_cast<std::uint64_t>((now_ - begun_).count());
  const auto add = [&](const Disk& disk) {
    const auto& c = disk.counts();
    out.disks["sectors kept"] += c.sectors_kept;
    out.disks["sectors lost"] += c.sectors_lost;
    out.disks["sectors garbled"] += c.sectors_garbled;
    out.disks["writes torn"] += c.writes_torn;
    out.disks["cuts that lost something"] += c.lossy_cuts;
    out.disks["cuts that reordered"] += c.reordering_cuts;
    out.disks["truncations lost"] += c.truncations_lost;
    out.disks["creations lost"] += c.creations_lost;
    out.disks["removals undone"] += c.removals_undone;
    out.disks["syncs that forgot"] += c.forgetting_syncs;
    out.disks["writes without room"] += c.full_writes;
  };
  add(std::as_const(*relay_).disk());
  for (const auto& device : devices_) add(device.disk());
#ifdef SOTTO_TEST_HOOKS
  for (std::size_t i = 0; i < hooks_.reached.size(); ++i) {
    out.rare[std::string(test_hooks::rare_names[i])] += hooks_.reached[i];
  }
#endif
  return out;
}

}  // namespace sotto::sim
