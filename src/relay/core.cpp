#include "relay/core.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "net/server_peers.h"
#include "relay/dispatch.h"
#include "relay/runs.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

/// Loads that follow each other (a chat's snapshot, tail, cursors …) before a step lets others in.
constexpr int rounds_a_step = 256;
/// Requests after which what they write begins to be stored.
constexpr int requests_a_run = 256;
}  // namespace

class Core::Impl {
 public:
  Impl(Backend& backend, Random& random, const CoreConfig& config, Logger log)
      : s_(backend, random, config, std::move(log)), rooms_(s_), runs_(s_, rooms_) {}

  Outputs step(Timestamp now, std::span<Input> inputs) {
    advance_clock(now);
    for (auto& input : inputs) std::visit([this](auto& it) { take(it); }, input);
    rooms_.cursors.on_timers();
    rooms_.delivery.on_timers();
    rooms_.acks.on_timers();
    drop_unauthenticated();
    rooms_.blobs.expire();
    rooms_.expiry.look();
    rooms_.registration.look();
    rooms_.deletion.look();
    const bool more = work();
    drop_the_demanding();
    return finish(more);
  }

  Outputs stop(Timestamp now) {
    advance_clock(now);
    rooms_.acks.release_all();
    work_and_wait();
    rooms_.cursors.hurry();
    for (int turn = 0; turn < 8 && work_and_wait(); ++turn) continue;
    for (auto& [id, connection] : s_.connections) {
      wire::Push push;
      push.mutable_going_away()->set_retry_after_ms(1000 + s_.random.below(4000));
      s_.outbox.push(*connection, push);
      s_.close(*connection, close_code::going_away, "going away");
    }
    auto out = finish(false);
    out.checkpoint = true;
    return out;
  }

  [[nodiscard]] std::size_t cached_chats() const { return s_.chats.size(); }
  [[nodiscard]] const Counters& counters() const { return s_.counters; }

 private:
  void advance_clock(Timestamp now) {
    const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch().count()));
    if (s_.wall != 0 && wall > s_.wall) s_.now += wall - s_.wall;
    s_.wall = wall;
  }

  void take(Opened& input) {
    auto& connection = s_.connections[input.id];
    connection = std::make_unique<Connection>();
    connection->id = input.id;
    connection->address = net::peer_group(input.peer_address);
    ++s_.counters.connections[Counters::index(connection->kind)];
    rooms_.session.greet(*connection);
    strangers_.emplace_back(s_.now + s_.config.authentication_ms, input.id);
  }

  void take(Closed& input) {
    auto* connection = s_.find(input.id);
    if (connection == nullptr) return;
    rooms_.acks.release_last(*connection);
    const bool acks = !connection->blocked && !connection->waiting.empty() && connection->waiting.front().joined;
    if (acks) handle_next(*connection);
    s_.set_offline(*connection);
    rooms_.pushes.left(*connection);
    s_.waits_for_drain.erase(input.id);
    --s_.counters.connections[Counters::index(connection->kind)];
    s_.connections.erase(input.id);
  }

  void take(Drained& input) {
    auto* connection = s_.find(input.id);
    if (connection == nullptr) return;
    connection->unsent_bytes = input.queued_bytes;
    s_.waits_for_drain.erase(input.id);
    s_.make_runnable(*connection);
    rooms_.delivery.wake(*connection);
  }

  void take(PushFailed& input) { rooms_.pushes.failed(input); }

  void take(Received& input) {
    auto* connection = s_.find(input.id);
    if (connection == nullptr || connection->closing) return;
    auto envelopes = wire::decode_frame(input.bytes);
    if (!envelopes.ok()) {
      const bool large = envelopes.code() == ErrorCode::TOO_LARGE;
      return s_.close(*connection, large ? close_code::too_big : close_code::protocol_error, "malformed frame");
    }
    for (auto& envelope : *envelopes) {
      if (envelope.body_case() == wire::Envelope::BODY_NOT_SET) continue;
      if (!envelope.has_request()) return s_.close(*connection, close_code::protocol_error, "not a request");
      Waiting waiting;
      waiting.id = envelope.id();
      waiting.bytes = envelope.request().ByteSizeLong();
      waiting.request = std::move(*envelope.mutable_request());
      waiting.stamp = input.stamp;
      connection->waiting_bytes += waiting.bytes;
      connection->waiting.push_back(std::move(waiting));
    }
    heard_.push_back(input.id);
    s_.make_runnable(*connection);
  }

  /// What a step could not take up waits in memory, so it is bounded.
  void drop_the_demanding() {
    for (const auto id : std::exchange(heard_, {})) {
      auto* connection = s_.find(id);
      if (connection == nullptr) continue;
      const bool many = connection->waiting.size() > s_.config.waiting_requests;
      if (many || connection->waiting_bytes > s_.config.waiting_bytes) {
        s_.close(*connection, close_code::policy_violation, "too many waiting requests");
      }
    }
  }

  void drop_unauthenticated() {
    while (!strangers_.empty() && strangers_.front().first <= s_.now) {
      auto* connection = s_.find(strangers_.front().second);
      strangers_.pop_front();
      if (connection != nullptr && connection->kind == ConnectionKind::unauthenticated) {
        s_.close(*connection, close_code::not_authenticated, "not authenticated in time");
      }
    }
  }

  /// True if there is more to do at once. While a run is under way, what comes meanwhile is taken up and waits for the
  /// next one; whoever steps the core does so again when it has ended.
  bool work() {
    for (int round = 0; round < rounds_a_step; ++round) {
      const bool ended = runs_.under_way() && runs_.end(true);
      retry_waiting();
      handle_requests();
      rooms_.delivery.work();
      rooms_.expiry.work();
      rooms_.registration.work();
      rooms_.deletion.work();
      rooms_.pushes.work();
      if (runs_.under_way()) {
        if (s_.runnable.empty()) return false;
        continue;
      }
      runs_.flush();
      if (s_.backend.idle()) {
        const bool answered = runs_.settle_all();
        const bool more = ended || answered || !s_.runnable.empty();
        if (!more) return s_.outbox.bytes() >= s_.config.step_bytes;
        continue;
      }
      runs_.begin();
      // While the store is busy with the next.
      runs_.settle_ended();
      if (runs_.end(false)) {
        runs_.settle_ended();
      } else if (!s_.runnable.empty()) {
        return true;  // what can leave leaves first
      }
    }
    return true;
  }

  bool work_and_wait() {
    bool more = work();
    for (int turn = 0; runs_.under_way() && turn < rounds_a_step; ++turn) {
      s_.backend.wait();
      more = work();
    }
    return more;
  }

  /// Connections whose next request was being read for try again.
  void retry_waiting() {
    for (const auto id : std::exchange(waiting_, {})) {
      if (auto* connection = s_.find(id)) s_.make_runnable(*connection);
    }
  }

  /// Gives each connection's requests their turns, so many in all: with those the store begins, and the others go on.
  void handle_requests() {
    int left = requests_a_run;
    auto runnable = std::exchange(s_.runnable, {});
    for (auto it = runnable.begin(); it != runnable.end(); ++it) {
      if (left <= 0) {
        s_.runnable.insert(s_.runnable.end(), it, runnable.end());
        return;
      }
      auto* connection = s_.find(*it);
      if (connection == nullptr) continue;
      connection->runnable = false;
      while (!connection->waiting.empty() && !connection->blocked && !connection->closing &&
             !s_.congested(*connection)) {
        if (left-- <= 0) {
          s_.make_runnable(*connection);
          break;
        }
        if (!handle_next(*connection)) {
          waiting_.push_back(*it);
          break;
        }
      }
    }
  }

  /// A refusal if the connection asks too much, whatever it asks.
  Answer count_in(Connection& connection, Waiting& request) {
    const bool other_limits = request.request.has_ack() || request.request.has_upload_attachment();
    if (other_limits || std::exchange(request.admitted, true)) return std::nullopt;
    auto refusal = connection.requests.take(s_.config.requests, s_.now);
    if (refusal) ++s_.counters.rate_limited;
    return refusal;
  }

  /// False: the request waits for the backend.
  bool handle_next(Connection& connection) {
    // Nothing of a device counts behind this; what it acked before it does.
    if (connection.waiting.front().request.has_log_out()) rooms_.acks.release(connection);
    auto& next = connection.waiting.front();
    if (next.request.has_ack() && rooms_.acks.hold(connection, next)) {
      s_.counters.requests.add(Command::kAck, 0);
      connection.waiting_bytes -= next.bytes;
      connection.waiting.pop_front();
      return true;
    }
    Call call{connection, next.request, {}, {}, {}, false, {}};
    auto answer = count_in(connection, next);
    if (!answer) answer = dispatch(rooms_, call);
    if (!answer) return false;
    Pending pending;
    pending.connection = connection.id;
    pending.response = std::move(*answer);
    pending.depends = std::move(call.depends);
    pending.committed = std::move(call.committed);
    pending.failed = std::move(call.failed);
    pending.barrier = call.barrier;
    pending.late = std::move(call.late);
    pending.bytes = pending.response.ByteSizeLong();
    if (next.request.has_fetch_attachment()) pending.bytes += wire::limits::attachment_part_bytes;
    connection.answer_bytes += pending.bytes;
    connection.waiting_bytes -= next.bytes;
    pending.request = std::move(next);
    connection.waiting.pop_front();
    connection.blocked = connection.blocked || pending.barrier;
    runs_.add(std::move(pending));
    return true;
  }

  void sweep() {
    ++s_.step;
    s_.each_record_cache([this](auto& cache) { cache.sweep(s_.step); });
    rooms_.pushes.sweep();
    s_.chats.sweep(s_.step);
    rooms_.blobs.sweep(s_.step);
  }

  Outputs finish(bool more) {
    // What the run under way writes was looked at since the last time but one, and stays.
    if (!runs_.under_way() || runs_.take_has_ended()) sweep();
    Outputs out;
    if (s_.checkpoint_due != 0 && s_.checkpoint_due <= s_.now && !more) {
      s_.checkpoint_due = 0;
      s_.checkpoint_since = 0;
      out.checkpoint = true;
    }
    out.next_timer = more ? std::chrono::milliseconds(0) : next_timer();
    out.run_under_way = runs_.under_way();
    out.waits_for_drain = !s_.waits_for_drain.empty();
    out.actions = s_.outbox.take();
    out.answered = runs_.take_answered();
    s_.counters.chats_in_memory = s_.chats.size();
    return out;
  }

  [[nodiscard]] std::optional<std::chrono::milliseconds> next_timer() const {
    std::optional<std::uint64_t> due;
    const auto add = [&](std::uint64_t at) { due = std::min(due.value_or(at), at); };
    if (!s_.timers.empty()) add(s_.timers.begin()->first);
    if (!strangers_.empty()) add(strangers_.front().first);
    if (const auto acks = rooms_.acks.next_due()) add(*acks);
    if (const auto retry = rooms_.delivery.next_retry()) add(*retry);
    if (s_.checkpoint_due != 0) add(s_.checkpoint_due);
    add(rooms_.blobs.next_expiry());
    add(rooms_.expiry.next_look());
    if (const auto look = rooms_.registration.next_look()) add(*look);
    if (const auto more = rooms_.deletion.next_look()) add(*more);
    return std::chrono::milliseconds(*due > s_.now ? *due - s_.now : 0);
  }

  State s_;
  Rooms rooms_;
  Runs runs_;
  /// Connections whose next request is being read for.
  std::vector<ConnectionId> waiting_;
  /// Connections that a frame came from in this step.
  std::vector<ConnectionId> heard_;
  /// Connections that have not authenticated, and until when they have to.
  std::deque<std::pair<std::uint64_t, ConnectionId>> strangers_;
};

Core::Core(Backend& backend, Random& random, const CoreConfig& config, Logger log)
    : impl_(std::make_unique<Impl>(backend, random, config, std::move(log))) {}
Core::~Core() = default;
Outputs Core::step(Timestamp now, std::span<Input> inputs) { return impl_->step(now, inputs); }
Outputs Core::stop(Timestamp now) { return impl_->stop(now); }
std::size_t Core::cached_chats() const { return impl_->cached_chats(); }
const Counters& Core::counters() const { return impl_->counters(); }

}  // namespace sotto::relay
