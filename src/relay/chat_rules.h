// Whether a request may append to a chat's log: decided from the chat's fold and the request alone. Pure.
#pragma once

#include <optional>

#include "relay/chat_fold.h"
#include "relay/stored_entry.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace sotto::relay {

/// The authenticated device behind a request.
struct Sender {
  DeviceRef device;
  std::uint32_t era = 0;
};

/// What is to be done with a request.
struct Judgement {
  enum class Kind {
    /// Append `entry`, which lacks its messageId and time.
    accept,
    /// It was accepted before: a commit or founding as `repeated`, a message under its `n`.
    repeat,
    /// Answer `refusal`; nothing changes.
    refuse,
  };
  Kind kind = Kind::refuse;
  wire::Response refusal;
  StoredEntry entry;
  AcceptedHandshake repeated;
  /// The devices that the entry adds, whose users' device lists the caller has to look at.
  std::vector<wire::RosterChange> adds;
  /// Whether the roster changes: counted by another rate limit than a mere update of keys.
  bool changes_roster = false;
};

/// A commit request of either kind.
struct CommitRequest {
  const wire::Commit& commit;
  ChatId chat;
  /// ADD or REMOVE of `user` (modifyChatParticipants), or OPERATION_UNSPECIFIED (updateChat).
  wire::Operation operation = wire::OPERATION_UNSPECIFIED;
  UserId user;
};

Judgement judge_founding(const ChatFold& fold, const Sender& sender, const wire::CreateChat& request);
Judgement judge_message(const ChatFold& fold, const Sender& sender, const wire::SendMessage& request);
Judgement judge_commit(const ChatFold& fold, const Sender& sender, const CommitRequest& request);

/// An error answer.
wire::Response refuse(ErrorCode code);
wire::Response refuse(ErrorCode code, std::string why);
/// The relay's roster in an answer; `acked_seq` stays 0.
wire::RosterDevice roster_device(const ChatFold& fold, const DeviceRef& device, const ChatMember& member);

}  // namespace sotto::relay
