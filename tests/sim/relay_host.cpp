#include "sim/relay_host.h"

#include <algorithm>

#include "relay/invites.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {
constexpr char folder[] = "/relay";
constexpr char file[] = "/relay/relay.db";
}  // namespace

RelayHost::RelayHost(World& world, std::uint64_t seed, const relay::CoreConfig& config)
    : Machine(world, "relay", seed, true),
      random_(seed, 2),
      disk_dice_(seed, 3),
      config_(config),
      log_([this](LogLevel, std::string_view text) { trace("log " + std::string(text)); }, LogLevel::warning, {}) {
  if (world.options().workload >= 6 && disk_dice_.chance(3, 4)) longest_run_ms_ = disk_dice_.skewed(1, 500);
}

RelayHost::~RelayHost() {
  core_.reset();
  backend_.reset();
}

void RelayHost::start() {
  if (!running()) try_start();
}

void RelayHost::try_start() {
  if (running()) return;
  disk().start();
  relay::SqliteOptions options;
  options.vfs = disk().vfs_name();
  options.sharing = store::Sharing::no_lease;
  if (world_.options().workload >= 6) options.young_segments = disk_dice_.skewed(1, 200);
  auto backend = relay::SqliteBackend::open(folder, random_, options);
  if (!backend.ok() || disk().dead()) {
    const auto code = backend.ok() ? ErrorCode::IO_ERROR : backend.error().code;
    trace("cannot start: " + std::string(error_name(code)));
    if (code != ErrorCode::IO_ERROR && code != ErrorCode::DISK_FULL && !disk().dead()) {
      violated("the relay's store can be opened after any failure", backend.error().message);
    }
    if (backend.ok()) backend->reset();
    world_.after(Milliseconds(1000), [this] { try_start(); });
    return;
  }
  check_disk();
  if (longest_run_ms_ > 0) (*backend)->defer();
  backend_ = std::make_unique<TapBackend>(
      std::move(*backend),
      [this](const relay::LogId& log, std::uint64_t seq, ByteView record) {
        world_.oracle().on_append(log, seq, record);
      },
      [this](ByteView key, const Bytes* value) { world_.oracle().on_record(key, value); });
  core_ = std::make_unique<relay::Core>(*backend_, random_, config_, log_);
  waits_for_drain_ = false;
  take_storage_failed();
  trace("started");
  schedule_step(world_.now());
}

std::unique_ptr<store::Database> RelayHost::open_reader() {
  const World::Calm calm(world_);
  const auto capacity = std::exchange(disk().capacity, 0);
  store::OpenOptions options;
  options.vfs = disk().vfs_name();
  auto db = store::Database::open(file, options);
  disk().capacity = capacity;
  if (!db.ok()) violated("the relay's store can be opened after any failure", db.error().message);
  return std::move(*db);
}

store::OpenOptions RelayHost::operator_options() {
  disk().start();
  store::OpenOptions options;
  options.vfs = disk().vfs_name();
  return options;
}

Result<std::string> RelayHost::create_invite(std::uint32_t uses) {
  auto text =
      relay::create_invite(folder, uses, std::chrono::hours(24 * 300), random_, local_now(), operator_options());
  if (disk().dead()) die(false, Milliseconds(world_.trouble.skewed(0, 10'000)));
  return text;
}

Status RelayHost::revoke_invite(const std::string& text) {
  auto done = relay::revoke_invite(folder, text, operator_options());
  if (disk().dead()) die(false, Milliseconds(world_.trouble.skewed(0, 10'000)));
  return done;
}

void RelayHost::check_disk() {
  const World::Calm calm(world_);
  const auto db = open_reader();
  world_.oracle().on_relay_started(*db);
}

void RelayHost::lose_process() {
  forget_steps();
  ++process_;
  inputs_.clear();
  die_after_.reset();
  disturbed_ = false;
  core_.reset();
  backend_.reset();
}

void RelayHost::die(bool power_cut, Milliseconds pause) {
  if (!running()) return;
  if (!disk().dead()) power_cut ? disk().power_cut() : disk().kill();
  trace(power_cut ? "power is cut" : "is killed");
  lose_process();
  world_.network().relay_died(power_cut);
  world_.after(pause, [this] { try_start(); });
}

void RelayHost::restart(Milliseconds pause) {
  if (!running()) return;
  auto out = core_->stop(local_now());
  if (disk().dead()) return die(false, pause);
  trace("stops");
  if (!let_out(std::move(out)) || !running()) return;
  lose_process();
  if (disk().dead()) disk().start();
  world_.network().relay_died(false);
  world_.after(pause, [this] { try_start(); });
}

void RelayHost::input(relay::Input input) {
  if (!running()) return;
  const bool urgent = !std::holds_alternative<relay::Drained>(input) || waits_for_drain_;
  if (const auto* received = std::get_if<relay::Received>(&input)) {
    trace("gets " + fingerprint(received->bytes) + " on " + std::to_string(received->id));
  }
  inputs_.push_back(std::move(input));
  if (urgent) schedule_step(world_.now());
}

void RelayHost::slow_down(Milliseconds step, Milliseconds time) {
  slow_step_ = step;
  slowest_step_ = std::max(slowest_step_, step);
  slow_until_ = world_.now() + time;
}

void RelayHost::step() {
  auto inputs = std::exchange(inputs_, {});
  for (const auto& input : inputs) {
    if (const auto* failed = std::get_if<relay::PushFailed>(&input)) world_.oracle().push.on_failed(failed->device);
  }
  auto out = core_->step(local_now(), inputs);
  const bool disturbed = take_storage_failed() || std::exchange(disturbed_, false);
  const auto pause = Milliseconds(world_.trouble.skewed(0, 10'000));
  if (disk().dead()) return die(false, pause);
  if (world_.now() < slow_until_) {
    busy_until_ =
        world_.now() + Milliseconds(world_.network_random.below(static_cast<std::uint64_t>(slow_step_.count()) + 1));
  }
  const auto timer = out.next_timer;
  waits_for_drain_ = out.waits_for_drain;
  const bool run_under_way = out.run_under_way;
  if (!let_out(std::move(out)) || !running()) return;
  // A checkpoint has waited for it, as its thread would say.
  if (run_under_way && !backend_->sqlite().waits_to_be_carried_out()) schedule_step(world_.now());
  // What follows from a run may need another one.
  const bool at_rest = backend_->idle() && timer != Milliseconds(0);
  if (at_rest) world_.oracle().push.on_relay_step_done(disturbed);
  disturbed_ = disturbed_ || (disturbed && !at_rest);
  wake_after(timer);
  plan_end_of_run();
}

void RelayHost::plan_end_of_run() {
  if (!backend_->sqlite().waits_to_be_carried_out()) return;
  world_.after(Milliseconds(disk_dice_.below(longest_run_ms_ + 1)), [this, process = process_] {
    if (process != process_ || !backend_->sqlite().waits_to_be_carried_out()) return;
    backend_->sqlite().carry_out();
    disturbed_ = take_storage_failed() || disturbed_;
    if (disk().dead()) return die(false, Milliseconds(world_.trouble.skewed(0, 10'000)));
    schedule_step(world_.now());
  });
}

bool RelayHost::let_out(relay::Outputs out) {
  auto left = std::exchange(die_after_, std::nullopt);
  for (auto& action : out.actions) {
    if (left && (*left)-- == 0 && world_.inject(Fault::relay_kill_sending)) {
      die(false, Milliseconds(world_.trouble.skewed(0, 10'000)));
      return false;
    }
    if (auto* send = std::get_if<relay::Send>(&action)) {
      world_.network().send_down(send->id, std::move(send->bytes));
    } else if (const auto* close = std::get_if<relay::Close>(&action)) {
      world_.network().close_by_relay(close->id);
    } else if (const auto* notice = std::get_if<relay::PushNotice>(&action)) {
      world_.oracle().push.on_notice(*notice);
      world_.gateways().push(*notice);
    } else {
      world_.gateways().text(std::get<relay::SendCode>(action));
    }
  }
  if (out.checkpoint) {
    const auto done = backend_->sqlite().checkpoint();
    trace(done.ok() ? "checkpoint" : "no checkpoint");
    take_storage_failed();
    if (disk().dead()) {
      die(false, Milliseconds(world_.trouble.skewed(0, 10'000)));
      return false;
    }
  }
  return true;
}

}  // namespace sotto::sim
