#include "sim/device.h"

#include <algorithm>

#include "client/schema.h"
#include "client/tables/account_table.h"
#include "sim/calm_store.h"
#include "sim/world.h"

namespace sotto::sim {

namespace {

constexpr char store_name[] = "/store.db";
/// As the client's driver sleeps at most, lest a clock that was set makes it late.
constexpr Milliseconds longest_sleep{30'000};
constexpr Milliseconds checkpoint_interval{30'000};
/// Steps in a minute of which no workload here makes a fifth.
constexpr std::uint64_t busy = 5000;

}  // namespace

Device::Device(World& world, std::size_t index, std::uint64_t seed)
    : Machine(world, "d" + std::to_string(index), seed, false),
      handle(world.wants_codes() ? "+493012" + std::to_string(1000 + index) : "user" + std::to_string(index)),
      index_(index),
      random_(seed, 1),
      log_([this](LogLevel, std::string_view text) { trace("log " + std::string(text)); }, LogLevel::warning, {}) {}

Device::~Device() {
  engine_.reset();
  db_.reset();
}

// ---- The process

void Device::start() {
  wanted_running_ = true;
  if (!running()) try_start();
}

void Device::try_start() {
  if (running() || !wanted_running_) return;
  disk().start();
  const auto failed = [&](const Error& why) {
    trace("cannot start: " + std::string(error_name(why.code)));
    const bool storage = why.code == ErrorCode::IO_ERROR || why.code == ErrorCode::DISK_FULL;
    if (!storage && !disk().dead()) violated("a store can be opened after any failure", name() + ": " + why.message);
    engine_.reset();
    db_.reset();
    world_.after(Milliseconds(1000), [this] { try_start(); });
  };
  auto db = client::open_store(store_name, disk().vfs_name(), store::Sharing::no_lease);
  if (!db.ok()) return failed(db.error());
  db_ = std::move(*db);
  auto engine = client::Engine::open(
      *db_, random_, log_, [this](const Event& event) { on_event(event); }, wants_network_,
      client::MediaFiles{"/media", disk().vfs_name()}, world_.key_packages());
  if (!engine.ok()) return failed(engine.error());
  if (disk().dead()) return failed(Error(ErrorCode::IO_ERROR, "died"));
  engine_ = std::move(*engine);
  take_storage_failed();
  trace("started");
  notice_the_end_of_an_account();
  world_.oracle().on_new_process(*this);
  world_.oracle().on_started(*this);
  inputs_.clear();
  inputs_.emplace_back(client::TimerDue{});
  schedule_step(world_.now());
}

void Device::lose_process() {
  ++life_;
  forget_steps();
  inputs_.clear();
  pending_.clear();
  die_after_.reset();
  engine_.reset();
  db_.reset();
  checkpoint_planned_ = false;
  connection_ = ConnectionState::offline;
  connection_id_ = media_id_ = 0;
}

void Device::notice_the_end_of_an_account() {
  if (!registered()) return;
  const World::Calm calm(world_);
  const auto account = must(client::AccountTable(*db_).load(), "account");
  if (account && account->user == user) {
    handle = account->handle;
    return;
  }
  if (!may_be_erased_) violated("what was told is on disk", name() + " lost its account");
  world_.oracle().on_erased(*this);
  trace("has no account any more");
  former.push_back(user);
  handle = fresh_handle();
  user = {};
  device = {};
  wanted_handle_.clear();
  forget_proofs();
  may_be_erased_ = deletes_ = logged_out_ = false;
  ++connects_;  // What was logged out is gone, though it may be told later.
}

void Device::close() {
  if (!running()) return;
  wanted_running_ = false;
  const auto connections = {connection_id_, media_id_};
  auto last = engine_->close(inputs_);
  std::optional<std::size_t> no_limit;
  send(connection_id_, std::move(last.farewell), no_limit);
  for (const auto& callback : last.callbacks) callback();
  world_.oracle().on_closed(*this, pending_.size());
  for (const auto connection : connections) {
    if (connection != 0) world_.network().close_by_client(connection);
  }
  trace("closed");
  lose_process();
  if (disk().dead()) disk().start();
}

void Device::die(bool power_cut) {
  if (!running()) return;
  const auto connections = {connection_id_, media_id_};
  if (!disk().dead()) power_cut ? disk().power_cut() : disk().kill();
  trace(power_cut ? "power is cut" : "is killed");
  lose_process();
  for (const auto connection : connections) {
    if (connection != 0) world_.network().client_died(connection, power_cut);
  }
  world_.after(Milliseconds(world_.trouble.skewed(100, 120'000)), [this, life = life_] {
    if (life == life_) try_start();
  });
}

// ---- Steps

void Device::input(client::Input input, relay::ConnectionId connection) {
  if (!running() || connection == 0) return;
  if (connection == media_id_) return media_input(std::move(input));
  if (connection != connection_id_) return;
  if (std::holds_alternative<client::ConnectionLost>(input)) connection_id_ = 0;
  if (auto* frame = std::get_if<client::FrameReceived>(&input)) {
    if (auto* hostile = world_.hostile_relay()) {
      if (!hostile->on_way_down(*this, frame->frame)) return;
    }
    trace("gets " + fingerprint(frame->frame));
    world_.oracle().on_frame_down(*this, frame->frame);
  }
  inputs_.push_back(std::move(input));
  schedule_step(world_.now());
}

void Device::media_input(client::Input input) {
  if (auto* lost = std::get_if<client::ConnectionLost>(&input)) {
    media_id_ = 0;
    inputs_.emplace_back(client::MediaConnectionLost{std::move(lost->why)});
  } else if (auto* frame = std::get_if<client::FrameReceived>(&input)) {
    auto* hostile = world_.hostile_relay();
    if (hostile != nullptr && !hostile->media.on_way_down(frame->frame)) return;
    trace("gets " + fingerprint(frame->frame) + " for attachments");
    inputs_.emplace_back(client::MediaFrameReceived{std::move(frame->frame)});
  } else {
    inputs_.emplace_back(client::MediaConnected{});
  }
  schedule_step(world_.now());
}

void Device::command(client::Input command) {
  if (!running()) return;
  inputs_.push_back(std::move(command));
  schedule_step(world_.now());
}

void Device::connect() {
  wants_network_ = true;
  asleep_ = false;
  logged_out_ = false;
  ++connects_;
  command(client::ConnectCommand{});
}

void Device::disconnect() {
  wants_network_ = false;
  command(client::DisconnectCommand{});
}

void Device::step() {
  const auto minute = world_.now().time_since_epoch() / Milliseconds(60'000);
  if (std::exchange(minute_, minute) != minute) steps_in_minute_ = 0;
  if (++steps_in_minute_ > busy) violated("nobody works in a busy loop", name());
  auto inputs = std::exchange(inputs_, {});
  world_.oracle().on_step_begins(*this);
  auto out = engine_->step(local_now(), inputs);
  const bool failed = take_storage_failed();
  world_.oracle().on_step_done(*this, failed || disk().dead());
  if (disk().dead()) return die(false);
#ifdef SOTTO_TEST_HOOKS
  if (failed) {
    const World::Calm calm(world_);
    if (const auto same = engine_->compare_with_store(); !same.ok()) {
      violated("memory equals disk", name() + ": " + same.error().message);
    }
  }
#endif
  const bool erased = out.erased;
  if (!let_out(std::move(out))) return;
  // What the app is told of in the same step was before.
  if (erased) notice_the_end_of_an_account();
  if (!checkpoint_planned_ && db_->wal_size() > 0) {
    checkpoint_planned_ = true;
    world_.after(checkpoint_interval, [this, life = life_] {
      if (life == life_ && running()) checkpoint();
    });
  }
  if (disk().dead()) die(false);
}

bool Device::let_out(relay::ConnectionId& connection, client::NetworkAction action, std::vector<Bytes> frames,
                     std::optional<std::size_t>& left) {
  if (action != client::NetworkAction::none && connection != 0) {
    world_.network().close_by_client(std::exchange(connection, 0));
  }
  if (action == client::NetworkAction::connect) {
    if (logged_out_) violated("who logged out stays away until the app connects", name());
    connection = world_.network().connect(*this);
  }
  for (auto& frame : frames) {
    if (!send(connection, std::move(frame), left)) return false;
  }
  return true;
}

bool Device::send(relay::ConnectionId connection, Bytes frame, std::optional<std::size_t>& left) {
  if (frame.empty() || connection == 0) return true;
  if (left && (*left)-- == 0 && world_.inject(Fault::kill_sending)) return die(false), false;
  const bool main = connection == connection_id_;
  auto* hostile_member = main ? world_.hostile_member() : nullptr;
  if (hostile_member != nullptr) hostile_member->on_way_up(*this, frame);
  trace("sends " + fingerprint(frame));
  if (main) world_.oracle().on_frame_up(*this, frame);
  auto* hostile_relay = world_.hostile_relay();
  if (hostile_relay != nullptr && main) hostile_relay->on_way_up(*this, frame);
  if (hostile_relay != nullptr && !main) hostile_relay->media.on_way_up(frame);
  world_.network().send_up(connection, std::move(frame));
  return true;
}

bool Device::let_out(client::Outputs out) {
  auto left = std::exchange(die_after_, std::nullopt);
  if (!send(connection_id_, std::move(out.farewell), left)) return false;
  if (!let_out(connection_id_, out.network, std::move(out.frames), left)) return false;
  if (!let_out(media_id_, out.media.network, std::move(out.media.frames), left)) return false;
  schedule_timer(out.next_timer);
  const auto life = life_;
  for (const auto& callback : out.callbacks) {
    if (left && (*left)-- == 0 && world_.inject(Fault::kill_sending)) return die(false), false;
    callback();
    if (life != life_) return false;
  }
  return true;
}

void Device::schedule_timer(const std::optional<Timestamp>& local) {
  std::optional<Milliseconds> sleep;
  if (local) sleep = std::max(*local - local_now(), Milliseconds(0));
  // A real driver wakes up every 30 s in any case. With nothing to do that changes nothing but after a clock was set.
  if (clock_was_set()) sleep = std::min(sleep.value_or(longest_sleep), longest_sleep);
  wake_after(sleep);
}

void Device::checkpoint() {
  checkpoint_planned_ = false;
  const auto done = db_->checkpoint(store::Checkpoint::truncate);
  trace(done.ok() && done->complete ? "checkpoint" : "no checkpoint");
  take_storage_failed();
  if (disk().dead()) die(false);
}

void Device::on_event(const Event& event) {
  if (const auto* changed = std::get_if<ConnectionChanged>(&event)) {
    connection_ = changed->state;
    trace("is " + std::string(to_string(changed->state)));
  }
  if (const auto* changed = std::get_if<RegistrationChanged>(&event); changed && world_.options().workload >= 5) {
    if (registered()) {
      if (changed->user) on_changed(changed->handle);
      if (changed->problem) on_change_refused(changed->handle, changed->problem->code);
    } else {
      if (changed->user) become(*changed->user);
      if (changed->problem) on_registration_refused(changed->problem->code);
    }
  }
  if (const auto* claimed = std::get_if<HandleClaimed>(&event); claimed != nullptr && claimed->moves_at) {
    if (world_.workload.chance(1, 2)) keep_handle();
  }
  world_.oracle().on_event(*this, event);
}

}  // namespace sotto::sim
