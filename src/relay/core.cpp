#include "relay/core.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "base/test_hooks.h"
#include "net/server_peers.h"
#include "relay/dispatch.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

/// Loads that follow each other (a chat's snapshot, tail, cursors …) before a step lets others in.
constexpr int rounds_a_step = 256;
/// Requests after which what they write begins to be stored.
constexpr int requests_a_run = 256;
/// Of a request that met a conflict.
constexpr int conflicts_at_most = 3;

/// A request that had its turn.
struct Pending {
  ConnectionId connection = 0;
  Waiting request;
  wire::Response response;
  std::vector<Dependency> depends;
  std::function<void()> committed;
  std::function<void()> failed;
  bool barrier = false;
  std::shared_ptr<LateAnswer> late;
  /// What the answer is going to take.
  std::size_t bytes = 0;
};

}  // namespace

class Core::Impl {
 public:
  Impl(Backend& backend, Random& random, const CoreConfig& config, Logger log)
      : s_(backend, random, config, std::move(log)), rooms_(s_) {}

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
    rooms_.acks.release(*connection);
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
      const bool ended = under_way_ && end_run(true);
      retry_waiting();
      handle_requests();
      rooms_.delivery.work();
      rooms_.expiry.work();
      rooms_.registration.work();
      rooms_.deletion.work();
      rooms_.pushes.work();
      if (under_way_ && s_.runnable.empty()) return false;
      if (under_way_) continue;
      flush();
      if (s_.backend.idle()) {
        move_pending(pending_, ended_);
        const bool answered = settle(s_.batch.exchange_failures({}));
        const bool more = ended || answered || !s_.runnable.empty();
        if (!more) return s_.outbox.bytes() >= s_.config.step_bytes;
        continue;
      }
      begin_run();
      // While the store is busy with the next.
      settle({});
      if (end_run(false)) {
        settle({});
      } else if (!s_.runnable.empty()) {
        return true;  // what can leave leaves first
      }
    }
    return true;
  }

  bool work_and_wait() {
    bool more = work();
    for (int turn = 0; under_way_ && turn < rounds_a_step; ++turn) {
      s_.backend.wait();
      more = work();
    }
    return more;
  }

  void begin_run() {
    move_pending(pending_, running_);
    run_failures_ = s_.batch.exchange_failures({});
    under_way_ = true;
    s_.backend.start();
  }

  /// False if the run is still under way. Else what waited for it is to be settled. With `went_on` something may have
  /// been taken up since it began.
  bool end_run(bool went_on) {
    auto since = s_.batch.exchange_failures({});
    const bool ended = s_.backend.finish();
    for (const auto& [what, code] : s_.batch.exchange_failures(std::move(since))) {
      Batch::note(run_failures_, what, code);
    }
    if (!ended) return false;
    under_way_ = false;
    run_has_ended_ = true;
    move_pending(running_, ended_);
    auto failures = std::exchange(run_failures_, {});
    if (failures.empty()) return true;
    if (went_on) fail_with(failures);
    settle(failures);
    return true;
  }

  /// What was taken up since the run began rests on what it did not store, so nothing of it is stored either.
  void fail_with(Failures& failures) {
    flush();
    const bool conflict =
        std::ranges::all_of(failures, [](const auto& it) { return it.second == ErrorCode::CONFLICT; });
    s_.backend.fail_writes(Error(conflict ? ErrorCode::CONFLICT : ErrorCode::UNAVAILABLE));
    for (const auto& [what, code] : s_.batch.exchange_failures({})) Batch::note(failures, what, code);
    move_pending(pending_, ended_);
  }

  static void move_pending(std::vector<Pending>& from, std::vector<Pending>& to) {
    std::ranges::move(from, std::back_inserter(to));
    from.clear();
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
    pending_.push_back(std::move(pending));
    return true;
  }

  void flush() {
    s_.each_record_cache([](auto& cache) { cache.flush(); });
    rooms_.cursors.flush();
  }

  /// The writes are done, well or badly: memory follows the disk, and the answers leave. True if there was one.
  bool settle(const Failures& failures) {
    for (const auto& [what, code] : failures) forget(what, code);
    std::vector<Pending> again;
    bool answered = false;
    for (auto& pending : std::exchange(ended_, {})) {
      if (pending.late && !pending.late->done) {
        pending_.push_back(std::move(pending));
        continue;
      }
      answered = true;
      auto fate = fate_of(pending.depends, failures);
      const bool ack = pending.request.id == 0 && pending.request.request.has_ack();
      // Nobody is told of it, and its device has nothing more to ack: else the entries would stay.
      if (!fate && ack && wire::status_of(pending.response).code() == ErrorCode::UNAVAILABLE)
        fate = ErrorCode::UNAVAILABLE;
      auto* connection = s_.find(pending.connection);
      if (connection != nullptr) {
        connection->answer_bytes -= pending.bytes;
        connection->blocked = connection->blocked && !pending.barrier;
        s_.make_runnable(*connection);
      }
      if (!fate) {
        auto& response = pending.late ? pending.late->response : pending.response;
        count(pending.request, response.status());
        // The answer goes first: what it sets off comes after it.
        if (connection != nullptr) s_.outbox.answer(*connection, pending.request.id, std::move(response));
        if (pending.committed) pending.committed();
        continue;
      }
      if (pending.failed) pending.failed();
      if (connection == nullptr || connection->closing) continue;
      if (ack && !SOTTO_PLANTED(failed_ack_forgotten)) {
        rooms_.acks.again(*connection, pending.request);
        continue;
      }
      SOTTO_RARE(request_failed_by_storage);
      if (fate == ErrorCode::CONFLICT && ++pending.request.conflicts < conflicts_at_most) {
        again.push_back(std::move(pending));
      } else {
        auto response = unavailable();
        count(pending.request, response.status());
        s_.outbox.answer(*connection, pending.request.id, std::move(response));
      }
    }
    // In their old order, before what came later.
    for (auto it = again.rbegin(); it != again.rend(); ++it) {
      auto* connection = s_.find(it->connection);
      connection->waiting_bytes += it->request.bytes;
      connection->waiting.push_front(std::move(it->request));
      s_.make_runnable(*connection);
    }
    return answered;
  }

  void count(const Waiting& request, std::uint32_t status) {
    if (request.joined) return;  // each part was, when it came
    const auto command = request.request.command_case();
    s_.counters.requests.add(command, status);
    if (command == Command::kAuthenticate && status != 0) ++s_.counters.sessions_refused;
    answered_.push_back(request.stamp);
  }

  void forget(const Dependency& what, ErrorCode code) {
    s_.log.warning("relay: a write failed: ", code);
    if (what.size() == 17 && what.front() == 'L') {
      const auto chat = *id_from<ChatId>(ByteView(what).subspan(1));
      s_.chats.drop(chat);
      // Read again at once: what it has to do by timers, it has to do still.
      s_.chats.need(chat);
      return;
    }
    s_.each_record_cache([&](auto& cache) { cache.drop(what); });
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
    if (!under_way_ || std::exchange(run_has_ended_, false)) sweep();
    Outputs out;
    if (s_.checkpoint_due != 0 && s_.checkpoint_due <= s_.now && !more) {
      s_.checkpoint_due = 0;
      s_.checkpoint_since = 0;
      out.checkpoint = true;
    }
    out.next_timer = more ? std::chrono::milliseconds(0) : next_timer();
    out.run_under_way = under_way_;
    out.waits_for_drain = !s_.waits_for_drain.empty();
    out.actions = s_.outbox.take();
    out.answered = std::exchange(answered_, {});
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
  /// Requests that had their turn: for the next run; in the one that is under way; whose run has ended.
  std::vector<Pending> pending_;
  std::vector<Pending> running_;
  std::vector<Pending> ended_;
  bool under_way_ = false;
  bool run_has_ended_ = false;
  /// Of the run under way, known before it began.
  Failures run_failures_;
  /// Connections whose next request is being read for.
  std::vector<ConnectionId> waiting_;
  /// Stamps of what was answered in this step.
  std::vector<std::uint64_t> answered_;
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
