#include "relay/service.h"

#include <algorithm>
#include <utility>

#include "base/try.h"

namespace sotto::relay {

namespace {

Timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// What of one connection the core may have taken and not yet looked at.
constexpr std::size_t unprocessed_bytes = 1024 * 1024;

/// Events that are looked at while a run of the store is under way. Fewer wait for its end, some tenths of a
/// millisecond: a step for each would cost more than it gains.
constexpr std::size_t worth_a_step = 32;

/// Between two tries of what the disk or a reader of the file held back.
constexpr std::chrono::seconds upkeep_interval{1};

std::uint64_t stamp_of(std::chrono::steady_clock::time_point at) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(ServiceConfig config) {
  std::unique_ptr<Service> service(new Service(std::move(config)));
  SqliteOptions options;
  options.on_ready = [raw = service.get()] { raw->wake(); };
  SOTTO_TRY_ASSIGN(service->backend_, SqliteBackend::open(service->config_.data_dir, service->random_, options));
  // A disk that is full or that nobody may write to is told of now, not at the first message.
  SOTTO_TRY(service->backend_->probe());
  service->metrics_.started = std::chrono::duration<double>(wall_clock().time_since_epoch()).count();
  if (service->config_.push) {
    SOTTO_TRY_ASSIGN(service->push_, PushGateway::start(*service->config_.push, service->random_, service->config_.log,
                                                        [raw = service.get()] { raw->wake(); }));
    service->config_.core.push = true;
  }
  if (service->config_.codes) {
    SOTTO_TRY_ASSIGN(service->codes_,
                     CodeSender::start(*service->config_.codes, service->random_, service->config_.log));
  }
  service->core_ =
      std::make_unique<Core>(*service->backend_, service->core_random_, service->config_.core, service->config_.log);
  auto server_config = service->config_.server;
  server_config.max_unprocessed_bytes = unprocessed_bytes;
  // The core counts what it sent until it is told that the queue is empty.
  server_config.low_water_bytes = 0;
  service->publish();
  if (service->config_.admin) {
    SOTTO_TRY_ASSIGN(service->admin_, AdminServer::start(*service->config_.admin, *service));
    service->config_.log.info("relay: admin port ", service->admin_->port());
  }
  SOTTO_TRY_ASSIGN(service->server_, net::Server::start(server_config, *service));
  service->config_.log.info("relay: listening on port ", service->server_->port());
  service->phase_ = Phase::serving;
  service->thread_ = std::thread([raw = service.get()] { raw->run(); });
  return service;
}

Service::~Service() {
  stop(std::chrono::milliseconds(5000));
  if (thread_.joinable()) thread_.join();
  admin_.reset();
}

std::optional<std::uint16_t> Service::admin_port() const {
  return admin_ ? std::optional(admin_->port()) : std::nullopt;
}

void Service::on_events(std::vector<net::ServerEvent>&& events) {
  const auto urgent =
      std::ranges::count_if(events, [](const auto& event) { return !std::holds_alternative<net::Drained>(event); });
  const std::lock_guard lock(mutex_);
  waiting_.push_back({SteadyClock::now(), std::move(events)});
  urgent_ += static_cast<std::size_t>(urgent);
  if (ready()) wake_.notify_one();
}

void Service::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_one();
}

bool Service::wait(std::vector<Arrived>& arrived) {
  std::unique_lock lock(mutex_);
  const auto enough = [this] { return ready(); };
  if (timer_) {
    wake_.wait_until(lock, *timer_, enough);
  } else {
    wake_.wait(lock, enough);
  }
  arrived = std::exchange(waiting_, {});
  urgent_ = 0;
  woken_ = false;
  return !stopping_;
}

bool Service::ready() const {
  if (stopping_ || woken_ || (drains_are_urgent_ && !waiting_.empty())) return true;
  return urgent_ >= (run_under_way_ ? worth_a_step : 1);
}

void Service::run() {
  std::vector<Arrived> arrived;
  for (bool go_on = true; go_on;) {
    go_on = wait(arrived);
    step(std::exchange(arrived, {}));
  }
  finish();
}

void Service::step(std::vector<Arrived> arrived) {
  std::vector<Input> inputs;
  std::vector<net::ServerAction> actions;
  json_.tell_queued(inputs);
  if (push_) push_->tell_failed(inputs);
  for (auto& turn : arrived) {
    for (auto& event : turn.events) {
      if (auto* opened = std::get_if<net::Opened>(&event)) {
        if (opened->encoding == net::Encoding::json) json_.opened(opened->id);
        inputs.emplace_back(Opened{opened->id, std::move(opened->peer_address)});
      } else if (auto* message = std::get_if<net::Message>(&event)) {
        metrics_.bytes_in += message->bytes.size();
        actions.emplace_back(net::Processed{message->id, message->bytes.size()});
        if (json_.contains(message->id)) message->bytes = json_.frame_of(message->bytes);
        inputs.emplace_back(Received{message->id, std::move(message->bytes), stamp_of(turn.at)});
      } else if (const auto* closed = std::get_if<net::Closed>(&event)) {
        json_.closed(closed->id);
        inputs.emplace_back(Closed{closed->id});
      } else if (const auto* drained = std::get_if<net::Drained>(&event)) {
        json_.drained(drained->id, drained->queued_bytes);
        inputs.emplace_back(Drained{drained->id, drained->queued_bytes});
      } else if (const auto* refused = std::get_if<net::Refused>(&event)) {
        metrics_.refused.full += refused->full;
        metrics_.refused.address += refused->address;
        metrics_.refused.rate += refused->rate;
      }
    }
  }
  hand_out(core_->step(wall_clock(), inputs), std::move(actions));
}

void Service::hand_out(Outputs outputs, std::vector<net::ServerAction> actions) {
  for (auto& output : outputs.actions) {
    if (auto* send = std::get_if<Send>(&output); send != nullptr && json_.contains(send->id)) {
      metrics_.bytes_out += json_.send(*send, actions);
    } else if (send != nullptr) {
      metrics_.bytes_out += send->bytes.size();
      actions.emplace_back(net::Send{send->id, std::make_shared<const Bytes>(std::move(send->bytes))});
    } else if (auto* close = std::get_if<Close>(&output)) {
      actions.emplace_back(net::Close{close->id, close->code, std::move(close->reason)});
    } else if (const auto* code = std::get_if<SendCode>(&output); code != nullptr && codes_) {
      codes_->send(*code);
    } else if (auto* notice = std::get_if<PushNotice>(&output); notice != nullptr && push_) {
      push_->post(std::move(*notice));
    }
  }
  if (!actions.empty()) server_->submit(std::move(actions));
  const auto now = stamp_of(SteadyClock::now());
  for (const auto stamp : outputs.answered) metrics_.request_seconds.observe(static_cast<double>(now - stamp) * 1e-9);
  upkeep(outputs.checkpoint);
  publish();
  const std::lock_guard lock(mutex_);
  drains_are_urgent_ = outputs.waits_for_drain;
  run_under_way_ = outputs.run_under_way;
  timer_.reset();
  if (outputs.next_timer) timer_ = SteadyClock::now() + *outputs.next_timer;
  if (checkpoint_waits_ || backend_->commits().failing) {
    timer_ = std::min(timer_.value_or(SteadyClock::time_point::max()), SteadyClock::now() + upkeep_interval);
  }
}

void Service::upkeep(bool checkpoint) {
  if (backend_->commits().failing) {
    const auto now = SteadyClock::now();
    if (!probe_at_) probe_at_ = now + upkeep_interval;
    if (*probe_at_ <= now) {
      probe_at_ = now + upkeep_interval;
      if (backend_->probe().ok()) config_.log.info("relay: the disk takes writes again");
    }
  } else {
    probe_at_.reset();
  }
  if (!checkpoint && !checkpoint_waits_) return;
  const auto status = backend_->checkpoint();
  // A reader of the file, such as a backup, holds it back for a while; that is no trouble.
  if (!status.ok() && !checkpoint_waits_ && status.error().code != ErrorCode::UNAVAILABLE) {
    config_.log.warning("relay: no checkpoint: ", status.error().code);
  }
  checkpoint_waits_ = !status.ok();
}

void Service::publish() {
  if (!config_.admin) return;
  metrics_.counters = core_->counters();
  metrics_.store = backend_->totals();
  metrics_.commits = backend_->commits();
  const std::lock_guard lock(published_mutex_);
  published_ = metrics_;
}

Metrics Service::metrics() const {
  auto out = [this] {
    const std::lock_guard lock(published_mutex_);
    return published_;
  }();
  if (push_) out.push = push_->counts();
  if (codes_) out.codes = codes_->counts();
  return out;
}

std::string Service::unready() const {
  switch (phase_.load()) {
    case Phase::starting:
      return "starting";
    case Phase::draining:
      return "draining";
    case Phase::serving:
      break;
  }
  const std::lock_guard lock(published_mutex_);
  return published_.commits.failing ? "storage" : "";
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
  phase_ = Phase::draining;
  server_->stop_accepting();
  const auto until = SteadyClock::now() + deadline;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    wake_.wait_until(lock, until, [&] { return finished_; });
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
  // Both have until then; the gateway has most of what there is to tell already.
  server_->stop(std::max(left, std::chrono::milliseconds(0)));
  if (codes_) codes_->stop(std::max(until - SteadyClock::now(), SteadyClock::duration(0)));
  if (push_) push_->stop(std::max(until - SteadyClock::now(), SteadyClock::duration(0)));
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
