// The account once it is there: requests about it, and what the relay says of its handle.
#pragma once

#include "client/queries.h"
#include "client/session.h"

namespace sotto::client {

class AccountRequests {
 public:
  AccountRequests(Context& context, Session& session) : c_(context), session_(session), queries_(context) {}

  void on_command(const AskCommand& command) { queries_.add(command); }
  Status on_notice(const wire::HandleNotice& notice);
  /// Asks what waits; ends what waited for too long.
  void pump();
  void on_connection_lost() { queries_.on_connection_lost(); }
  [[nodiscard]] std::optional<Timestamp> next_timer() const { return queries_.next_timer(); }
  void set_clock_back(std::chrono::milliseconds by) { queries_.set_clock_back(by); }
  /// Completions that nobody will call any more.
  void close(const Error& why) { queries_.close(why); }

 private:
  Context& c_;
  Session& session_;
  Queries<AskCommand, void> queries_;
};

}  // namespace sotto::client
