// Whom this user knows, whom it does not want to hear of, and what it shows of itself.
#pragma once

#include "client/receipts.h"
#include "client/session.h"

namespace sotto::client {

class People {
 public:
  People(Context& context, Session& session, Receipts& receipts)
      : c_(context), session_(session), receipts_(receipts) {}

  Status on_command(const BlockCommand& command);
  Status on_command(const ProfileCommand& command);
  Status on_command(const PrivacyCommand& command);
  Status on_command(const AnswerRequestCommand& command);

  /// A message of somebody told where their profile is.
  Status on_profile_access(const UserId& user, const wire::ProfileAccess& access);

  /// Tells the relay what it does not know yet, and fetches profiles.
  Status pump();
  void on_connection_lost();
  /// What is in memory may not be on the disk.
  void on_rollback() { heard_.clear(); }
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by) { not_before_ -= by; }

 private:
  Status seal_profile(bool new_key);
  Status tell_profile();
  Status tell_blocks();
  Status fetch_profiles();
  Status on_profile(const PersonTable::Wanted& wanted, const wire::Response& response);
  /// Whether the relay took it; if not and it may later, it is tried again.
  bool taken(const wire::Response& response);

  Context& c_;
  Session& session_;
  Receipts& receipts_;
  bool telling_profile_ = false;
  bool telling_blocks_ = false;
  /// Somebody's profile may be wanted.
  bool look_ = true;
  std::set<UserId> fetching_;
  Timestamp not_before_{};
  std::uint32_t failures_ = 0;
  /// The versions that people were last heard to have: most messages tell nothing new.
  std::map<UserId, std::uint64_t> heard_;
};

}  // namespace sotto::client
