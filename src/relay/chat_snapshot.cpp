#include <algorithm>

#include "base/try.h"
#include "relay/chat_fold.h"
#include "relay/store_codec.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

void put(stored::ChatSnapshot::Handshake& to, const AcceptedHandshake& handshake) {
  to.set_seq(handshake.seq);
  put(*to.mutable_sender(), handshake.sender);
  to.set_hash(wire::field(handshake.hash.view()));
  to.set_message_id(to_string_bytes(handshake.message_id));
}

bool get(const stored::ChatSnapshot::Handshake& from, AcceptedHandshake& handshake) {
  handshake.seq = from.seq();
  return get(from.sender(), handshake.sender) && assign_exact(handshake.hash, wire::view(from.hash())) &&
         assign_exact(handshake.message_id, wire::view(from.message_id()));
}

Error corrupt() { return Error(ErrorCode::CORRUPT, "a chat's snapshot does not parse"); }

}  // namespace

Bytes encode(const ChatFold& fold) {
  stored::ChatSnapshot out;
  out.set_version(store_version);
  out.set_head(fold.head);
  out.set_chat_type(static_cast<std::uint32_t>(fold.type));
  out.set_generation(fold.generation);
  out.set_handshake_seq(fold.handshake_seq);
  out.set_min_handshake(fold.min_handshake);
  put(*out.mutable_founding(), fold.founding);
  for (const auto& [device, member] : fold.members) {
    auto& to = *out.add_members();
    put(*to.mutable_device(), device);
    to.set_era(member.era);
    to.set_on_roster(member.on_roster);
    to.set_joined_seq(member.joined_seq);
    to.set_last_n(member.last_n);
    for (const auto& range : member.owed) {
      auto& owed = *to.add_owed();
      owed.set_from(range.from);
      owed.set_to(range.to == open_end ? 0 : range.to);
    }
  }
  for (const auto& admin : fold.roster.admins) out.add_admins(to_string_bytes(admin));
  for (const auto& handshake : fold.handshakes) put(*out.add_handshakes(), handshake);
  return wire::serialize(out);
}

Result<ChatFold> decode_fold(ByteView snapshot) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::ChatSnapshot>(snapshot));
  ChatFold out;
  if (in.head() == 0 || !wire::ChatType_IsValid(static_cast<int>(in.chat_type())) ||
      !get(in.founding(), out.founding)) {
    return corrupt();
  }
  out.head = in.head();
  out.type = static_cast<wire::ChatType>(in.chat_type());
  out.generation = in.generation();
  out.handshake_seq = in.handshake_seq();
  out.min_handshake = in.min_handshake();
  for (const auto& from : in.members()) {
    DeviceRef device;
    if (!get(from.device(), device)) return corrupt();
    const auto [it, fresh] = out.members.try_emplace(device);
    if (!fresh) return corrupt();
    auto& member = it->second;
    member.era = from.era();
    member.on_roster = from.on_roster();
    member.joined_seq = from.joined_seq();
    member.last_n = from.last_n();
    for (const auto& range : from.owed())
      member.owed.push_back({range.from(), range.to() == 0 ? open_end : range.to()});
    if (member.on_roster && (member.owed.empty() || member.owed.back().to != open_end)) return corrupt();
    if (member.on_roster &&
        !out.roster.devices.emplace(device.device, wire::RosterMember{device.user, member.era}).second) {
      return corrupt();
    }
  }
  for (const auto& from : in.admins()) {
    const auto admin = id_from<UserId>(wire::view(from));
    if (!admin) return corrupt();
    out.roster.admins.insert(*admin);
  }
  for (const auto& from : in.handshakes()) {
    AcceptedHandshake handshake;
    if (!get(from, handshake)) return corrupt();
    out.handshakes.push_back(handshake);
  }
  return out;
}

}  // namespace sotto::relay
