// What the app asks of the relay and waits for, for a limited time: asked again on each connection, kept in memory
// only.
#pragma once

#include <map>

#include "client/context.h"

namespace sotto::client {

/// `Command` has a `done`, a Completion<T>.
template <typename Command, typename T>
class Queries {
 public:
  explicit Queries(Context& context) : c_(context) {}

  void add(const Command& command) {
    constexpr std::chrono::seconds patience{30};
    const auto id = next_++;
    c_.keep(waiting_, id);
    waiting_[id] = {command, c_.now + patience, false};
  }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  /// Calls `ask` with id and command of each that was not asked on this connection.
  template <typename Ask>
  void ask(Ask&& ask) {
    for (auto& [id, query] : waiting_) {
      if (!std::exchange(query.asked, true)) ask(id, query.command);
    }
  }
  /// Null if it has ended.
  [[nodiscard]] const Command* find(std::uint64_t id) const {
    const auto it = waiting_.find(id);
    return it == waiting_.end() ? nullptr : &it->second.command;
  }
  void end(std::uint64_t id, const Result<T>& result) {
    const auto it = waiting_.find(id);
    if (it == waiting_.end()) return;
    // Before it leaves: nothing may be lost if there is no memory for this.
    c_.keep(waiting_, id);
    auto done = std::move(it->second.command.done);
    waiting_.erase(it);
    c_.complete<T>(done, result);
  }
  /// Ends those that waited for too long.
  void end_late() {
    // Ids grow, so the first one waits longest.
    while (!waiting_.empty() && c_.now >= waiting_.begin()->second.deadline) {
      end(waiting_.begin()->first, Error(ErrorCode::UNAVAILABLE, "the relay could not be asked in time"));
    }
  }
  void on_connection_lost() {
    for (auto& [id, query] : waiting_) query.asked = false;
  }
  [[nodiscard]] std::optional<Timestamp> next_timer() const {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.begin()->second.deadline;
  }
  void set_clock_back(std::chrono::milliseconds by) {
    for (auto& [id, query] : waiting_) query.deadline -= by;
  }
  /// Completes all; nothing brings them back.
  void close(const Error& why) {
    for (const auto& [id, query] : waiting_) c_.complete<T>(query.command.done, why);
    waiting_.clear();
  }

 private:
  struct Query {
    Command command;
    Timestamp deadline;
    bool asked = false;
  };
  Context& c_;
  std::map<std::uint64_t, Query> waiting_;
  std::uint64_t next_ = 1;
};

}  // namespace sotto::client
