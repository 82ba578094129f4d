// Requests that had their turn, and the runs of the store that make durable what they did: their answers wait for that.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "relay/dispatch.h"

namespace sotto::relay {

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

class Runs {
 public:
  Runs(State& state, Rooms& rooms) : s_(state), rooms_(rooms) {}
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;

  /// It goes with the next run.
  void add(Pending pending) { pending_.push_back(std::move(pending)); }
  [[nodiscard]] bool under_way() const { return under_way_; }
  /// Queues the writes of what is changed in memory.
  void flush();
  /// With what is queued. None is under way.
  void begin();
  /// False if the run is still under way. Else `settle_ended` answers what waited for it; if it failed, that is done.
  /// With `went_on` something may have been taken up since it began.
  bool end(bool went_on);
  void settle_ended() { settle({}); }
  /// Nothing is to be written, and so nothing is waited for. True if there was something to answer.
  bool settle_all();

  /// Whether a run has ended since this was last asked.
  bool take_has_ended() { return std::exchange(has_ended_, false); }
  /// Stamps of what was answered since this was last asked.
  std::vector<std::uint64_t> take_answered() { return std::exchange(answered_, {}); }

 private:
  void fail_with(Failures& failures);
  bool settle(const Failures& failures);
  void settle(Pending pending, const Failures& failures, std::vector<Pending>& again);
  void count(const Waiting& request, std::uint32_t status);
  void forget(const Dependency& what, ErrorCode code);

  State& s_;
  Rooms& rooms_;
  /// For the next run; in the one that is under way; whose run has ended.
  std::vector<Pending> pending_;
  std::vector<Pending> running_;
  std::vector<Pending> ended_;
  bool under_way_ = false;
  bool has_ended_ = false;
  /// Of the run under way.
  Failures failures_;
  std::vector<std::uint64_t> answered_;
};

}  // namespace sotto::relay
