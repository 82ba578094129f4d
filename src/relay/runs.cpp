#include "relay/runs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/test_hooks.h"

namespace sotto::relay {

namespace {

/// Of a request that met a conflict.
constexpr int conflicts_at_most = 3;

void move_all(std::vector<Pending>& from, std::vector<Pending>& to) {
  std::ranges::move(from, std::back_inserter(to));
  from.clear();
}

}  // namespace

void Runs::flush() {
  s_.each_record_cache([](auto& cache) { cache.flush(); });
  rooms_.cursors.flush();
}

void Runs::begin() {
  move_all(pending_, running_);
  failures_ = s_.batch.take_failures();
  under_way_ = true;
  s_.backend.start();
}

bool Runs::end(bool went_on) {
  const auto since = s_.batch.take_failures();
  const bool ended = s_.backend.finish();
  merge(failures_, s_.batch.take_failures());
  s_.batch.failed(since);
  if (!ended) return false;
  under_way_ = false;
  has_ended_ = true;
  move_all(running_, ended_);
  auto failures = std::exchange(failures_, {});
  if (failures.empty()) return true;
  if (went_on) fail_with(failures);
  settle(failures);
  return true;
}

/// What was taken up since the run began rests on what it did not store, so nothing of it is stored either.
void Runs::fail_with(Failures& failures) {
  flush();
  const bool conflict = std::ranges::all_of(failures, [](const auto& it) { return it.second == ErrorCode::CONFLICT; });
  s_.backend.fail_writes(Error(conflict ? ErrorCode::CONFLICT : ErrorCode::UNAVAILABLE));
  merge(failures, s_.batch.take_failures());
  move_all(pending_, ended_);
}

bool Runs::settle_all() {
  move_all(pending_, ended_);
  return settle(s_.batch.take_failures());
}

/// The writes are done, well or badly: memory follows the disk, and the answers leave. True if there was one.
bool Runs::settle(const Failures& failures) {
  for (const auto& [what, code] : failures) forget(what, code);
  std::vector<Pending> again;
  bool answered = false;
  for (auto& pending : std::exchange(ended_, {})) {
    if (pending.late && !pending.late->done) {
      pending_.push_back(std::move(pending));
    } else {
      answered = true;
      settle(std::move(pending), failures, again);
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

void Runs::settle(Pending pending, const Failures& failures, std::vector<Pending>& again) {
  auto fate = fate_of(pending.depends, failures);
  const bool ack = pending.request.id == 0 && pending.request.request.has_ack();
  // Nobody is told of it, and its device has nothing more to ack: else the entries would stay.
  if (!fate && ack && wire::status_of(pending.response).code() == ErrorCode::UNAVAILABLE) fate = ErrorCode::UNAVAILABLE;
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
    return;
  }
  if (pending.failed) pending.failed();
  if (connection == nullptr || connection->closing) return;
  if (ack && !SOTTO_PLANTED(failed_ack_forgotten)) return rooms_.acks.again(*connection, pending.request);
  SOTTO_RARE(request_failed_by_storage);
  if (fate == ErrorCode::CONFLICT && ++pending.request.conflicts < conflicts_at_most) {
    again.push_back(std::move(pending));
    return;
  }
  auto response = unavailable();
  count(pending.request, response.status());
  s_.outbox.answer(*connection, pending.request.id, std::move(response));
}

void Runs::count(const Waiting& request, std::uint32_t status) {
  if (request.joined) return;  // each part was, when it came
  const auto command = request.request.command_case();
  s_.counters.requests.add(command, status);
  if (command == Command::kAuthenticate && status != 0) ++s_.counters.sessions_refused;
  answered_.push_back(request.stamp);
}

void Runs::forget(const Dependency& what, ErrorCode code) {
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

}  // namespace sotto::relay
