#include "relay/chat_rules.h"

#include "base/test_hooks.h"
#include "crypto/hash.h"
#include "relay/commit_rules.h"
#include "wire/identity.h"
#include "wire/limits.h"
#include "wire/mls_header.h"

namespace sotto::relay {

namespace limits = wire::limits;

namespace {

Judgement refused(wire::Response response) {
  Judgement out;
  out.refusal = std::move(response);
  return out;
}
Judgement refused(ErrorCode code, std::string why) { return refused(refuse(code, std::move(why))); }
Judgement refused(ErrorCode code) { return refused(refuse(code)); }

Judgement refused_with_handshake(ErrorCode code, const ChatFold& fold) {
  auto response = refuse(code);
  response.set_handshake_seq(fold.handshake_seq);
  return refused(std::move(response));
}

Judgement refused_generation(const ChatFold& fold) {
  auto response = refuse(ErrorCode::STALE_GENERATION);
  response.set_generation(fold.generation);
  return refused(std::move(response));
}

Judgement refused_roster(const ChatFold& fold, const Error& error) {
  auto response = wire::refusal(error);
  if (error.code == ErrorCode::ROSTER_MISMATCH) {
    for (const auto& [device, member] : fold.members) {
      if (member.on_roster) *response.add_roster() = roster_device(fold, device, member);
    }
  }
  return refused(std::move(response));
}

Judgement repeated(const AcceptedHandshake& handshake) {
  Judgement out;
  out.kind = Judgement::Kind::repeat;
  out.repeated = handshake;
  return out;
}

/// The header, if the message is of this chat and content type.
Result<wire::MlsHeader> header_of(ByteView message, const ChatId& chat, wire::MlsContentType type) {
  auto header = wire::read_mls_header(message);
  if (!header.ok()) return header;
  const auto group = wire::parse_group_id(header->group_id);
  if (!group.ok() || group->chat != chat) return Error(ErrorCode::INVALID_ARGUMENT, "a group_id of another chat");
  if (header->content_type != type) return Error(ErrorCode::INVALID_ARGUMENT, "another MLS content type");
  return header;
}

}  // namespace

wire::Response refuse(ErrorCode code) { return wire::refusal(Error(code)); }
wire::Response refuse(ErrorCode code, std::string why) { return wire::refusal(Error(code, std::move(why))); }

wire::RosterDevice roster_device(const ChatFold& fold, const DeviceRef& device, const ChatMember& member) {
  wire::RosterDevice out;
  out.set_user_id(to_string_bytes(device.user));
  out.set_device_id(to_string_bytes(device.device));
  out.set_era(member.era);
  out.set_admin(fold.roster.is_admin(device.user));
  out.set_joined_seq(member.joined_seq);
  return out;
}

Judgement judge_message(const ChatFold& fold, const Sender& sender, const wire::SendMessage& request) {
  if (!fold.exists()) return refused(ErrorCode::UNKNOWN_CHAT);
  const auto* member = fold.on_roster(sender.device, sender.era);
  if (member == nullptr) return refused(ErrorCode::NOT_PARTICIPANT);

  const auto chat = id_from<ChatId>(wire::view(request.chat_id()));
  const auto message = wire::view(request.message());
  const auto header = header_of(message, *chat, wire::MlsContentType::application);
  if (!header.ok()) return refused(wire::refusal(header.error()));
  const auto aad = wire::check_message_aad(header->authenticated_data);
  if (!aad.ok()) return refused(wire::refusal(aad.error()));
  if (wire::parse_group_id(header->group_id)->generation != request.generation()) {
    return refused(ErrorCode::INVALID_ARGUMENT, "generation and group_id differ");
  }
  if (request.generation() != fold.generation) return refused_generation(fold);

  Judgement out;
  out.entry.n = aad->n;
  if (SOTTO_PLANTED(repeat_taken_for_new)) out.entry.n = member->last_n + 1;
  if (aad->n <= member->last_n && !SOTTO_PLANTED(repeat_taken_for_new)) {
    SOTTO_RARE(message_repeated);
    out.kind = Judgement::Kind::repeat;
    return out;
  }
  if (request.after_handshake() < fold.min_handshake || request.after_handshake() > fold.handshake_seq) {
    return refused_with_handshake(ErrorCode::STALE_EPOCH, fold);
  }
  if (aad->n != member->last_n + 1 && !SOTTO_PLANTED(repeat_taken_for_new)) return refused(ErrorCode::OUT_OF_ORDER);
  if (message.size() > limits::message_bytes) return refused(ErrorCode::TOO_LARGE);
  if (!wire::Urgency_IsValid(request.urgency())) return refused(ErrorCode::INVALID_ARGUMENT, "an unknown urgency");

  out.kind = Judgement::Kind::accept;
  out.entry.kind = EntryKind::message;
  out.entry.generation = fold.generation;
  out.entry.sender = sender.device;
  out.entry.urgency = request.urgency();
  out.entry.client_message_id = aad->client_message_id;
  out.entry.payload = to_bytes(message);
  return out;
}

Judgement judge_commit(const ChatFold& fold, const Sender& sender, const CommitRequest& request) {
  if (!fold.exists()) return refused(ErrorCode::UNKNOWN_CHAT);
  if (fold.on_roster(sender.device, sender.era) == nullptr) return refused(ErrorCode::NOT_PARTICIPANT);

  const auto message = wire::view(request.commit.message());
  const auto header = header_of(message, request.chat, wire::MlsContentType::commit);
  if (!header.ok()) return refused(wire::refusal(header.error()));
  if (wire::parse_group_id(header->group_id)->generation != request.commit.generation()) {
    return refused(ErrorCode::INVALID_ARGUMENT, "generation and group_id differ");
  }
  if (request.commit.generation() != fold.generation) return refused_generation(fold);
  if (commit_size(request.commit) > limits::commit_bytes) return refused(ErrorCode::TOO_LARGE);

  const auto aad = wire::check_commit_aad(header->authenticated_data);
  if (!aad.ok()) return refused(wire::refusal(aad.error()));
  if (const auto* before = fold.find_handshake(sender.device, crypto::sha256(message))) {
    SOTTO_RARE(commit_repeated);
    auto out = repeated(*before);
    out.entry.client_message_id = aad->client_message_id;
    return out;
  }
  if (request.commit.prev_handshake() != fold.handshake_seq && !SOTTO_PLANTED(slot_taken_twice)) {
    SOTTO_RARE(epoch_conflict);
    return refused_with_handshake(ErrorCode::EPOCH_CONFLICT, fold);
  }

  const auto after = fold.roster.after(*aad);
  if (!after.ok()) return refused_roster(fold, after.error());
  for (const auto& check :
       {check_roles(fold, sender, *aad, *after), check_operation(fold, sender, request, *aad, *after),
        check_sizes(*aad, *after), check_past(fold, *aad)}) {
    if (!check.ok()) return refused(wire::refusal(check.error()));
  }

  Judgement out;
  Unwelcomed unwelcomed;
  unwelcomed.repair = request.operation == wire::OPERATION_UNSPECIFIED && fold.roster.is_admin(sender.device.user);
  if (auto welcome = put_welcome(out.entry, request.commit.welcome(), aad->adds, unwelcomed); !welcome.ok()) {
    return refused(wire::refusal(welcome.error()));
  }
  out.kind = Judgement::Kind::accept;
  out.adds = aad->adds;
  out.changes_roster = !aad->adds.empty() || !aad->removes.empty() || aad->membership_changed;
  out.entry.kind = EntryKind::handshake;
  out.entry.generation = fold.generation;
  out.entry.sender = sender.device;
  out.entry.client_message_id = aad->client_message_id;
  out.entry.payload = to_bytes(message);
  return out;
}

Judgement judge_founding(const ChatFold& fold, const Sender& sender, const wire::CreateChat& request) {
  const auto payload = wire::view(request.commit().founding_aad());
  if (fold.exists()) {
    const bool same = fold.founding.sender == sender.device && fold.founding.hash == crypto::sha256(payload);
    return same ? repeated(fold.founding) : refused(ErrorCode::EXISTS);
  }
  if (commit_size(request.commit()) > limits::commit_bytes) return refused(ErrorCode::TOO_LARGE);
  if (!wire::ChatType_IsValid(request.type())) return refused(ErrorCode::INVALID_ARGUMENT, "an unknown chat type");
  const auto aad = wire::check_commit_aad(payload);
  if (!aad.ok()) return refused(wire::refusal(aad.error()));
  const auto after = wire::Roster{}.after(*aad);
  if (!after.ok()) return refused_roster(fold, after.error());

  const auto chat = id_from<ChatId>(wire::view(request.chat_id()));
  if (const auto check = check_founding(request, *chat, sender, *after); !check.ok()) {
    return refused(wire::refusal(check.error()));
  }
  Judgement out;
  if (auto welcome = put_welcome(out.entry, request.commit().welcome(), aad->adds, {sender.device, false});
      !welcome.ok()) {
    return refused(wire::refusal(welcome.error()));
  }
  out.kind = Judgement::Kind::accept;
  out.adds = aad->adds;
  out.changes_roster = true;
  out.entry.kind = EntryKind::founding;
  out.entry.type = request.type();
  out.entry.generation = request.commit().generation();
  out.entry.sender = sender.device;
  out.entry.client_message_id = aad->client_message_id;
  out.entry.payload = to_bytes(payload);
  return out;
}

}  // namespace sotto::relay
