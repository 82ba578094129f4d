// The ends of an account on this device: deletion, and logging out with or without the data.
//
// What the app wants is on disk before it begins, so that a restart goes on with it:
//   delete_account   asks the relay until it has deleted the account, or says that it is; then erases
//   erase            tells the relay, if it is there; then erases
//   logged_out       tells the relay, if it is there; stays offline until the app connects again
// Erasing is one transaction over all tables; files of attachments are removed after its commit.
#pragma once

#include "client/acks.h"
#include "client/push_token.h"

namespace sotto::client {

class Leaving {
 public:
  Leaving(Context& context, Session& session, Acks& acks, PushToken& push_token)
      : c_(context), session_(session), acks_(acks), push_token_(push_token), table_(context.db) {}

  /// Reads what a step left on disk, or an earlier run.
  Status load();
  Status on_command(const DeleteAccountCommand& command);
  Status on_command(const LogOutCommand& command);
  /// The app connects: a device that was logged out logs in again.
  Status on_connect_wanted();
  Status pump();
  void on_connection_lost();
  /// The step was undone; `load` follows.
  void on_rollback();

  [[nodiscard]] bool logged_out() const { return kind_ == LeavingKind::logged_out; }
  /// Nothing is left to do but to erase, by `erase` within this step, and `erased` after its commit.
  [[nodiscard]] bool erase_due() const { return erase_due_; }
  Status erase();
  void erased();
  /// Erased, but for files that still are to be removed.
  [[nodiscard]] bool finishing() const { return finishing_; }
  void finish();

  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by);
  void close(const Error& why);

 private:
  Status begin(LeavingKind kind, const Completion<void>& done);
  void complete(const Result<void>& result);
  void ask_to_delete();
  Status on_deleted(const wire::Response& response);
  Status tell_log_out();
  Status told();

  Context& c_;
  Session& session_;
  Acks& acks_;
  PushToken& push_token_;
  LeavingTable table_;
  std::optional<LeavingKind> kind_;
  /// The relay was asked on this connection.
  bool asked_ = false;
  /// It is still to be told that this device logs out, until then at most.
  bool telling_ = false;
  Timestamp deadline_{};
  Timestamp retry_at_{};
  bool erase_due_ = false;
  bool finishing_ = false;
  std::vector<Completion<void>> waiting_;
};

}  // namespace sotto::client
