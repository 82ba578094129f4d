// What appends to chats' logs: createChat, sendMessage and commits; and what is asked of them.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Delivery;
class Expiry;
class Pushes;

class ChatLog {
 public:
  ChatLog(State& state, Delivery& delivery, Pushes& pushes, Expiry& expiry)
      : s_(state), delivery_(delivery), pushes_(pushes), expiry_(expiry) {}

  Answer create(Call& call, const wire::CreateChat& request);
  Answer send(Call& call, const wire::SendMessage& request);
  Answer modify(Call& call, const wire::ModifyChatParticipants& request);
  Answer update(Call& call, const wire::UpdateChat& request);
  Answer get(Call& call, const wire::GetChat& request);

 private:
  Answer commit(Call& call, const CommitRequest& request);
  /// Whether all added devices stand in their users' lists; else a refusal, or nothing while these are being read.
  bool check_lists(Call& call, const std::vector<wire::RosterChange>& adds, Answer& failure);
  /// The append itself: the entry takes its place in fold and log; the answer waits for the log.
  wire::Response append(Call& call, Chat& chat, Judgement judgement);
  /// Answers a message that was accepted before, from the log if it still has it.
  Answer repeat(Chat& chat, const DeviceRef& sender, std::uint64_t n);
  void search(const ChatId& id, const DeviceRef& sender, std::uint64_t n, std::uint64_t from);

  State& s_;
  Delivery& delivery_;
  Pushes& pushes_;
  Expiry& expiry_;
};

}  // namespace sotto::relay
