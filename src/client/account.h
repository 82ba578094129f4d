// The account once it is there: requests about it, and what the relay says of its handle.
#pragma once

#include <map>

#include "client/session.h"

namespace sotto::client {

class AccountRequests {
 public:
  AccountRequests(Context& context, Session& session) : c_(context), session_(session) {}

  Status on_command(const AskCommand& command);
  Status on_notice(const wire::HandleNotice& notice);
  /// Asks what waits; ends what waited for too long.
  void pump();
  void on_connection_lost();
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by);
  /// Completions that nobody will call any more.
  void close(const Error& why);

 private:
  struct Asked {
    AskCommand command;
    Timestamp deadline;
    bool sent = false;
  };
  void end(std::uint64_t id, const Result<void>& result);

  Context& c_;
  Session& session_;
  std::map<std::uint64_t, Asked> waiting_;
  std::uint64_t next_ = 1;
};

}  // namespace sotto::client
