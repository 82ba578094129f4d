// The single checks of a commit's roster change: who may do it, whether it is what the command says, and its sizes.
#pragma once

#include "relay/chat_rules.h"

namespace sotto::relay {

/// Bytes of a commit that count for its limit.
std::size_t commit_size(const wire::Commit& commit);

/// Who may change what. Errors: FORBIDDEN.
Status check_roles(const ChatFold& fold, const Sender& sender, const wire::CheckedCommitAad& aad,
                   const wire::Roster& after);
/// Whether the change is the one that the command names. Errors: INVALID_ARGUMENT.
Status check_operation(const ChatFold& fold, const Sender& sender, const CommitRequest& request,
                       const wire::CheckedCommitAad& aad, const wire::Roster& after);
/// Errors: LIMIT_EXCEEDED.
Status check_sizes(const wire::CheckedCommitAad& aad, const wire::Roster& after);
/// Bounds what the chat has to remember of removed devices. Errors: RATE_LIMITED.
Status check_past(const ChatFold& fold, const wire::CheckedCommitAad& aad);
/// Participants, roster and id of a new chat. Errors: INVALID_ARGUMENT, LIMIT_EXCEEDED.
Status check_founding(const wire::CreateChat& request, const ChatId& chat, const Sender& sender,
                      const wire::Roster& roster);

/// Which of the devices that a commit adds come without a Welcome.
struct Unwelcomed {
  /// Who founds the chat.
  std::optional<DeviceRef> founder;
  /// Any: a repair puts devices back on the relay's roster that never left the group.
  bool repair = false;
};
/// Takes the Welcome over: one secret for each of `adds` but these. Errors: INVALID_ARGUMENT.
Status put_welcome(StoredEntry& entry, const wire::WelcomeBundle& welcome, const std::vector<wire::RosterChange>& adds,
                   const Unwelcomed& unwelcomed);

}  // namespace sotto::relay
