#include "relay/service.h"

#include <algorithm>
#include <utility>

#include "base/try.h"

namespace sotto::relay {

namespace {

using SteadyClock = std::chrono::steady_clock;

Timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// What of one connection the core may have taken and not yet looked at.
constexpr std::size_t unprocessed_bytes = 1024 * 1024;

}  // namespace

Result<std::unique_ptr<Service>> Service::start(ServiceConfig config) {
  std::unique_ptr<Service> service(new Service(std::move(config)));
  SqliteOptions options;
  options.on_blobs_ready = [raw = service.get()] { raw->wake(); };
  SOTTO_TRY_ASSIGN(service->backend_, SqliteBackend::open(service->config_.data_dir, service->random_, options));
  service->core_ =
      std::make_unique<Core>(*service->backend_, service->random_, service->config_.core, service->config_.log);
  auto server_config = service->config_.server;
  server_config.max_unprocessed_bytes = unprocessed_bytes;
  // The core counts what it sent until it is told that the queue is empty.
  server_config.low_water_bytes = 0;
  SOTTO_TRY_ASSIGN(service->server_, net::Server::start(server_config, *service));
  service->config_.log.info("relay: listening on port ", service->server_->port());
  service->thread_ = std::thread([raw = service.get()] { raw->run(); });
  return service;
}

Service::~Service() {
  stop(std::chrono::milliseconds(5000));
  if (thread_.joinable()) thread_.join();
}

void Service::on_events(std::vector<net::ServerEvent>&& events) {
  const bool urgent =
      std::ranges::any_of(events, [](const auto& event) { return !std::holds_alternative<net::Drained>(event); });
  const std::lock_guard lock(mutex_);
  std::ranges::move(events, std::back_inserter(waiting_));
  urgent_ = urgent_ || urgent;
  if (urgent_ || drains_are_urgent_) wake_.notify_one();
}

void Service::wake() {
  const std::lock_guard lock(mutex_);
  urgent_ = true;
  wake_.notify_one();
}

bool Service::wait(std::vector<net::ServerEvent>& events) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return stopping_ || urgent_ || (drains_are_urgent_ && !waiting_.empty()); };
  if (timer_) {
    wake_.wait_until(lock, *timer_, ready);
  } else {
    wake_.wait(lock, ready);
  }
  events = std::exchange(waiting_, {});
  urgent_ = false;
  return !stopping_;
}

void Service::run() {
  std::vector<net::ServerEvent> events;
  for (bool go_on = true; go_on;) {
    go_on = wait(events);
    step(std::exchange(events, {}));
  }
  finish();
}

void Service::step(std::vector<net::ServerEvent> events) {
  std::vector<Input> inputs;
  std::vector<net::ServerAction> actions;
  inputs.reserve(events.size());
  json_.tell_queued(inputs);
  for (auto& event : events) {
    if (auto* opened = std::get_if<net::Opened>(&event)) {
      if (opened->encoding == net::Encoding::json) json_.opened(opened->id);
      inputs.emplace_back(Opened{opened->id, std::move(opened->peer_address)});
    } else if (auto* message = std::get_if<net::Message>(&event)) {
      actions.emplace_back(net::Processed{message->id, message->bytes.size()});
      if (json_.contains(message->id)) message->bytes = json_.frame_of(message->bytes);
      inputs.emplace_back(Received{message->id, std::move(message->bytes)});
    } else if (const auto* closed = std::get_if<net::Closed>(&event)) {
      json_.closed(closed->id);
      inputs.emplace_back(Closed{closed->id});
    } else if (const auto* drained = std::get_if<net::Drained>(&event)) {
      json_.drained(drained->id, drained->queued_bytes);
      inputs.emplace_back(Drained{drained->id, drained->queued_bytes});
    }
  }
  hand_out(core_->step(wall_clock(), inputs), std::move(actions));
}

void Service::hand_out(Outputs outputs, std::vector<net::ServerAction> actions) {
  for (auto& output : outputs.actions) {
    if (auto* send = std::get_if<Send>(&output); send != nullptr && json_.contains(send->id)) {
      json_.send(*send, actions);
    } else if (send != nullptr) {
      actions.emplace_back(net::Send{send->id, std::make_shared<const Bytes>(std::move(send->bytes))});
    } else if (auto* close = std::get_if<Close>(&output)) {
      actions.emplace_back(net::Close{close->id, close->code, std::move(close->reason)});
    }
  }
  if (!actions.empty()) server_->submit(std::move(actions));
  if (outputs.checkpoint) {
    if (auto status = backend_->checkpoint(); !status.ok()) {
      config_.log.warning("relay: no checkpoint: ", status.error().code);
    }
  }
  const std::lock_guard lock(mutex_);
  drains_are_urgent_ = outputs.waits_for_drain;
  timer_.reset();
  if (outputs.next_timer) timer_ = SteadyClock::now() + *outputs.next_timer;
}

void Service::finish() {
  hand_out(core_->stop(wall_clock()), {});
  config_.log.info("relay: all is on disk, closing connections");
  const std::lock_guard lock(mutex_);
  finished_ = true;
  wake_.notify_all();
}

void Service::stop(std::chrono::milliseconds deadline) {
  const std::lock_guard once(stop_mutex_);
  if (!server_ || !thread_.joinable()) return;
  const auto until = SteadyClock::now() + deadline;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    wake_.wait_until(lock, until, [&] { return finished_; });
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
  server_->stop(std::max(left, std::chrono::milliseconds(0)));
  const bool finished = [&] {
    const std::lock_guard lock(mutex_);
    return finished_;
  }();
  if (!finished) return;
  thread_.join();
  core_.reset();
  backend_.reset();
}

}  // namespace sotto::relay
