#include "client/driver/engine_thread.h"

#include <algorithm>
#include <system_error>

#include "base/try.h"

namespace sotto::client {

namespace {

constexpr std::size_t most_commands = 10'000;
/// Inputs of one step: bounds a transaction.
constexpr std::size_t inputs_per_step = 512;
/// A wall clock that was set may make a timer late by at most this.
constexpr std::chrono::seconds longest_sleep{30};
/// "Erased" means gone from the WAL, too, within a minute of activity.
constexpr std::chrono::seconds checkpoint_interval{30};

/// The client whose callback runs on this thread, if any.
thread_local const EngineThread* running_callback_of = nullptr;

Timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

EngineThread::EngineThread(Parts parts) : parts_(std::move(parts)) {}

Result<std::shared_ptr<EngineThread>> EngineThread::start(Parts parts) {
  auto self = std::make_shared<EngineThread>(std::move(parts));
  SOTTO_TRY_ASSIGN(self->loop_, net::ClientLoop::create(*self));
  const auto sink = [stopping = self->stopping_, on_event = self->parts_.on_event](const Event& event) {
    if (on_event && !stopping->load()) on_event(event);
  };
  auto event_log = self->parts_.event_log;
  if (event_log.on_logged) {
    event_log.on_logged = [stopping = self->stopping_, wake = std::move(event_log.on_logged)] {
      if (!stopping->load()) wake();
    };
  }
  SOTTO_TRY_ASSIGN(self->engine_,
                   Engine::open(*self->parts_.db, self->random_, self->parts_.log, sink, self->parts_.connect_at_open,
                                self->parts_.media, wire::limits::key_packages_per_device, std::move(event_log)));
  try {
    self->thread_ = std::thread([self] { self->run(); });
  } catch (const std::system_error&) {
    return Error(ErrorCode::UNAVAILABLE, "no thread can be started");
  }
  return self;
}

Status EngineThread::enqueue(Input command) {
  {
    const std::lock_guard lock(mutex_);
    if (*stopping_) return ErrorCode::CLOSED;
    if (commands_.size() >= most_commands) return Error(ErrorCode::LIMIT_EXCEEDED, "too many commands are waiting");
    commands_.push_back(std::move(command));
    if (commands_.size() > 1) return {};  // The wake-up for the first one has not been answered yet.
  }
  loop_->wake();
  return {};
}

void EngineThread::stop(std::function<void()> closed) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_->exchange(true)) return;
    closed_ = std::move(closed);
  }
  loop_->stop();
}

void EngineThread::join() {
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id() || running_callback_of == this) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void EngineThread::run() {
  loop_->run();
  engine_.reset();
  parts_.db.reset();  // Releases the folder.
  if (closed_) last_callbacks_.push_back(std::move(closed_));
  // An own executor must not end before what was posted has run, also if the last owner goes inside a callback.
  if (parts_.own_executor) last_callbacks_.emplace_back([keep = parts_.executor] { (void)keep; });
  post(std::move(last_callbacks_));
}

void EngineThread::on_stop() {
  std::vector<Input> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(commands_);
  }
  // Commands that nobody has taken yet were never on disk.
  auto last = engine_->close(left);
  say_farewell(std::move(last.farewell));
  last_callbacks_ = std::move(last.callbacks);
}

void EngineThread::on_wake() { step(); }
void EngineThread::on_timer() { step(); }

void EngineThread::on_open(net::ConnectionId id) {
  if (id == connection_id_) {
    from_network_.emplace_back(Connected{});
  } else if (id == media_connection_id_) {
    from_network_.emplace_back(MediaConnected{});
  } else {
    return;
  }
  step();
}

void EngineThread::on_message(net::ConnectionId id, Bytes message) {
  if (id != connection_id_ && id != media_connection_id_) return;
  // What else has arrived is taken into the same step.
  if (from_network_.empty()) loop_->wake();
  if (id == connection_id_) {
    from_network_.emplace_back(FrameReceived{std::move(message)});
  } else {
    from_network_.emplace_back(MediaFrameReceived{std::move(message)});
  }
}

void EngineThread::on_close(net::ConnectionId id, net::CloseInfo info) {
  if (id == connection_id_) {
    connection_id_ = 0;
    from_network_.emplace_back(ConnectionLost{std::move(info.error)});
  } else if (id == media_connection_id_) {
    media_connection_id_ = 0;
    from_network_.emplace_back(MediaConnectionLost{std::move(info.error)});
  } else {
    return;
  }
  if (!*stopping_) step();
}

void EngineThread::step() {
  for (;;) {
    std::vector<Input> inputs;
    inputs.swap(from_network_);
    bool more = false;
    {
      const std::lock_guard lock(mutex_);
      if (*stopping_) return;
      const auto count = std::min(commands_.size(), inputs_per_step);
      const auto end = commands_.begin() + static_cast<std::ptrdiff_t>(count);
      std::move(commands_.begin(), end, std::back_inserter(inputs));
      commands_.erase(commands_.begin(), end);
      more = !commands_.empty();
    }
    auto outputs = engine_->step(wall_clock(), inputs);
    checkpoint();
    carry_out(std::move(outputs));
    if (!more) return;
  }
}

void EngineThread::checkpoint() {
  const auto now = std::chrono::steady_clock::now();
  if (!checkpoint_at_) {
    if (parts_.db->wal_size() > 0) checkpoint_at_ = now + checkpoint_interval;
  } else if (now >= *checkpoint_at_) {
    checkpoint_at_.reset();
    const auto done = parts_.db->checkpoint(store::Checkpoint::truncate);
    if (!done.ok() || !done->complete) checkpoint_at_ = now + checkpoint_interval;  // A reader held it back.
  }
}

void EngineThread::shrink() {
  if (const auto free = parts_.db->free_pages(); free.ok()) {
    // Failing, it only leaves room for what comes next.
    (void)parts_.db->release_free_pages(*free).ok();
  }
  const auto done = parts_.db->checkpoint(store::Checkpoint::truncate, std::chrono::milliseconds(1000));
  checkpoint_at_.reset();
  if (!done.ok() || !done->complete) checkpoint_at_ = std::chrono::steady_clock::now() + checkpoint_interval;
}

void EngineThread::say_farewell(Bytes frame) {
  if (frame.empty() || connection_id_ == 0) return;
  // What a full queue does not take, the relay does not miss: it sends the entries again.
  (void)loop_->send(connection_id_, std::move(frame)).ok();
}

void EngineThread::carry_out(net::ConnectionId& connection, NetworkAction action, std::vector<Bytes> frames,
                             const std::function<Input(Error)>& lost) {
  const auto lose = [&](const Error& why) {
    connection = 0;
    from_network_.push_back(lost(why));
    loop_->wake();
  };
  if (action != NetworkAction::none && connection != 0) loop_->close(std::exchange(connection, 0));
  if (action == NetworkAction::connect) {
    connection = ++last_connection_id_;
    if (const auto status = loop_->connect(connection, parts_.endpoint); !status.ok()) lose(status.error());
  }
  for (auto& frame : frames) {
    if (connection == 0) break;
    if (const auto status = loop_->send(connection, std::move(frame)); !status.ok()) {
      // The relay does not keep up: begin anew rather than buffer without bound.
      loop_->close(connection);
      lose(status.error());
    }
  }
}

void EngineThread::carry_out(Outputs outputs) {
  if (outputs.erased) {
    shrink();
    if (parts_.on_erased) parts_.on_erased();
  }
  say_farewell(std::move(outputs.farewell));
  carry_out(connection_id_, outputs.network, std::move(outputs.frames),
            [](Error why) { return Input(ConnectionLost{std::move(why)}); });
  carry_out(media_connection_id_, outputs.media.network, std::move(outputs.media.frames),
            [](Error why) { return Input(MediaConnectionLost{std::move(why)}); });
  if (outputs.connection) connection_ = *outputs.connection;
  const auto now = wall_clock();
  auto sleep = std::chrono::duration_cast<std::chrono::milliseconds>(longest_sleep);
  if (outputs.next_timer) sleep = std::clamp(*outputs.next_timer - now, std::chrono::milliseconds(0), sleep);
  auto wake_at = std::chrono::steady_clock::now() + sleep;
  if (checkpoint_at_) wake_at = std::min(wake_at, *checkpoint_at_);
  loop_->set_timer(wake_at);
  post(std::move(outputs.callbacks));
}

void EngineThread::post(std::vector<std::function<void()>> callbacks) {
  if (callbacks.empty()) return;
  parts_.executor->post([self = this, tasks = std::move(callbacks)] {
    for (const auto& task : tasks) {
      const auto* outer = std::exchange(running_callback_of, self);
      task();
      running_callback_of = outer;
    }
  });
}

}  // namespace sotto::client
