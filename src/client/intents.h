// Intents: what this user wants to change in a chat, kept until the log says that it is so. What waits is the intent,
// never a commit: if another commit wins the slot, the intent is built anew on top of it.
//
//   key packages (create, add)  →  commit staged in the group  →  tree uploaded, if it is large  →  sent  →  its stub
//
// One intent of a chat at a time, in the order in which they were given.
#pragma once

#include "client/chat_group.h"
#include "client/outbox.h"
#include "client/runtime.h"
#include "client/session.h"

namespace sotto::client {

class Intents {
 public:
  Intents(Context& context, Session& session, ChatGroups& groups, Runtimes& runtimes, Outbox& outbox)
      : c_(context), session_(session), groups_(groups), runtimes_(runtimes), outbox_(outbox) {}

  Status on_command(const CreateChatCommand& command);
  Status on_command(const ChangeChatCommand& command);
  /// Takes the next step of the chat's first intent.
  Status pump(ChatRow& chat);

  /// The log decided a slot by somebody else's commit: what was built for it is built anew.
  Status on_slot_lost(const ChatId& chat);
  /// A staged commit has come up in the log and was merged.
  Status on_merged(const IntentRow& intent);
  /// The chat was created by somebody else first, or has ended for this device.
  Status end_all(const ChatId& chat, const Result<void>& outcome);
  /// An admin's client mends the relay's roster after a skipped commit changed it.
  Status queue_repair(const ChatRow& chat);
  /// Completions that nobody will call any more.
  void close(const Error& why);

 private:
  Status step_create(ChatRow& chat, IntentRow& intent);
  Status step_change(ChatRow& chat, IntentRow& intent);
  /// What is to be done with an intent next: stage its commit, wait for key packages, or nothing.
  enum class Next { stage, asked, ended };
  Result<Next> prepare_replacement(IntentRow& intent, const wire::Roster& roster);
  /// Asks for key packages that are missing; false if none are.
  Result<bool> take_packages(const IntentRow& intent);
  Status on_packages(std::int64_t intent_id, const std::vector<UserId>& asked, const wire::Response& response);
  Status store_packages(IntentRow& intent, const std::vector<UserId>& asked, const wire::KeyPackagesTaken& taken);
  Result<CommitPlan> plan_for(const IntentRow& intent, const mls::Group& group);
  /// Stages the commit of an intent and stores the request that carries it.
  Status plan_and_stage(ChatRow& chat, IntentRow& intent, const mls::Group& group, bool founding);
  Status send(const ChatRow& chat, IntentRow& intent);
  Status upload(const IntentRow& intent);
  Status on_upload_answer(std::int64_t intent_id, const wire::Response& response);
  Status on_answer(std::int64_t intent_id, const wire::Response& response);
  Status take_roster(const ChatId& chat, const wire::Response& response);
  Status retry_later(const ChatId& chat, const Error& why);
  /// Ends an intent with its outcome.
  Status finish(const IntentRow& intent, const Result<void>& outcome);
  Status fail(const IntentRow& intent, const Error& why);

  Context& c_;
  Session& session_;
  ChatGroups& groups_;
  Runtimes& runtimes_;
  Outbox& outbox_;
  std::map<std::int64_t, Completion<void>> completions_;
};

}  // namespace sotto::client
