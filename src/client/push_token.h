// Where a push gateway finds this device, as the relay knows it: told once a relay's store, and again if it may have
// forgotten it.
#pragma once

#include "client/session.h"
#include "client/tables/leaving_table.h"

namespace sotto::client {

class PushToken {
 public:
  PushToken(Context& context, Session& session) : c_(context), session_(session), table_(context.db) {}

  Status on_command(const SetPushTokenCommand& command);
  /// The relay has forgotten it, as this device logged out.
  Status forgotten();
  Status pump();
  /// What is in memory begins anew.
  void on_connection_lost();
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by) { retry_at_ -= by; }
  void close(const Error& why);

 private:
  Status on_answer(std::uint64_t attempt, const wire::Response& response);

  Context& c_;
  Session& session_;
  PushTokenTable table_;
  /// The table may hold something to tell.
  bool look_ = true;
  Timestamp retry_at_{};
  std::uint64_t attempt_ = 0;
  std::vector<Completion<void>> waiting_;
};

}  // namespace sotto::client
