// The outbox: own messages on their way, in the order in which they were written.
//
// How does a message leave?   `append` stores it with its id for life. `pump` encrypts the head of the queue and stores
//                             the ciphertext and the advanced ratchet; the frame leaves after that commit.
// What is sent again?         The same bytes, after each reconnection, once the chat is drained: its stubs tell what
//                             had been accepted. So no key is used twice.
// What is encrypted anew?     What the relay refused as STALE_EPOCH, and what comes after it, under the same id and n.
// What fails?                 Only what the relay refuses for good. Later rows then move down by one n.
// How many at a time?         Up to 32 a chat. What follows a refused one is refused too (OUT_OF_ORDER), so after a
//                             refusal all answers are awaited before the queue goes on.
#pragma once

#include "client/chat_group.h"
#include "client/runtime.h"
#include "client/session.h"

namespace sotto::client {

class Outbox {
 public:
  Outbox(Context& context, Session& session, ChatGroups& groups, Runtimes& runtimes)
      : c_(context), session_(session), groups_(groups), runtimes_(runtimes) {}

  /// A message without attachments.
  Status append(const SendCommand& command);
  /// Stores a message that is not to be sent yet, and completes the command; nothing if that chat takes none.
  Result<std::optional<Message>> store(const SendCommand& command, const wire::Content& content);
  /// The same of a hidden message.
  Result<std::optional<ClientMessageId>> store_hidden(const ChatId& chat, const wire::Content& content);
  /// What was stored is to be sent.
  Status queue(const ChatId& chat, const ClientMessageId& id, Urgency urgency);
  /// Sends what can be sent now.
  Status pump(ChatRow& chat);
  /// The log says that a message was accepted.
  Status on_accepted(ChatRow& chat, const ClientMessageId& id, std::uint64_t seq, const MessageId& message_id,
                     std::optional<std::int64_t> stored_at);
  /// The device was put on the relay's roster anew: rows are numbered from 1 again.
  Status renumber(ChatRow& chat);
  /// Everything up to this n was accepted, as a gap tells.
  Status accept_up_to(ChatRow& chat, std::uint64_t n);
  /// The chat has ended for this device: what waits fails.
  Status fail_all(const ChatRow& chat, const Error& why);

 private:
  Status add_profile(const ChatId& chat, Bytes& content);
  Status encrypt(ChatRow& chat, OutboxRow& row);
  void send(const ChatRow& chat, const OutboxRow& row);
  Status on_answer(const ChatId& chat_id, std::int64_t place, const wire::Response& response);
  Status on_success(ChatRow& chat, const OutboxRow& row, const wire::Accepted& accepted);
  Status on_refusal(ChatRow& chat, const OutboxRow& row, const wire::Response& response, const Error& why);
  Status emit_message(const ChatId& chat, const ClientMessageId& id);

  Context& c_;
  Session& session_;
  ChatGroups& groups_;
  Runtimes& runtimes_;
};

}  // namespace sotto::client
