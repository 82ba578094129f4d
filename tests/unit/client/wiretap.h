// Listens to what clients of a TestNet say to the relay.
#pragma once

#include <map>

#include "support/testnet.h"
#include "unit/client/members.h"
#include "wire/mls_header.h"
#include "wire/roster.h"

namespace sotto::test {

/// A message as it was sent.
struct SentMessage {
  ClientMessageId id;
  std::uint64_t n = 0;
  std::uint64_t after_handshake = 0;
  Bytes bytes;
};

inline SentMessage read_sent(const wire::SendMessage& command) {
  const auto header = must(wire::read_mls_header(wire::view(command.message())));
  const auto aad = must(wire::check_message_aad(header.authenticated_data));
  return {aad.client_message_id, aad.n, command.after_handshake(), to_bytes(wire::view(command.message()))};
}

inline wire::Commit* commit_in(wire::Request& request) {
  if (request.has_update_chat()) return request.mutable_update_chat()->mutable_commit();
  if (request.has_modify_chat_participants()) return request.mutable_modify_chat_participants()->mutable_commit();
  if (request.has_create_chat()) return request.mutable_create_chat()->mutable_commit();
  return nullptr;
}

/// Records messages and commits; `change_message` and `change_commit` may spoil them on their way.
class Wiretap {
 public:
  explicit Wiretap(TestNet& net) {
    net.rewrite = [this](wire::Envelope& envelope) {
      if (!envelope.has_request()) return;
      auto& request = *envelope.mutable_request();
      ++requests[request.command_case()];
      if (request.has_send_message()) {
        sent.push_back(read_sent(request.send_message()));
        if (change_message) change_message(*request.mutable_send_message(), sent.back());
      } else if (auto* commit = commit_in(request)) {
        commits.push_back(*commit);
        if (change_commit) change_commit(*commit);
      }
    };
  }
  [[nodiscard]] std::vector<SentMessage> sent_as(const ClientMessageId& id) const {
    std::vector<SentMessage> out;
    for (const auto& message : sent) {
      if (message.id == id) out.push_back(message);
    }
    return out;
  }

  std::function<void(wire::SendMessage&, const SentMessage&)> change_message;
  std::function<void(wire::Commit&)> change_commit;
  std::vector<SentMessage> sent;
  std::vector<wire::Commit> commits;
  std::map<wire::Request::CommandCase, int> requests;
};

/// Counts the answers of the relay by what they say.
inline std::map<ErrorCode, int>& count_answers(TestNet& net, std::map<ErrorCode, int>& into) {
  net.to_client = [&into](wire::Envelope& envelope) {
    if (envelope.has_response()) {
      if (const auto status = wire::status_of(envelope.response()); !status.ok()) ++into[status.error().code];
    }
    return true;
  };
  return into;
}

inline std::optional<ErrorCode> problem_of(const Message& message) {
  if (!message.problem) return std::nullopt;
  return message.problem->code;
}

}  // namespace sotto::test
