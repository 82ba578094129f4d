#include "relay/entry_view.h"

#include "wire/frame.h"

namespace sotto::relay {

wire::Entry entry_for(const DeviceRef& device, const LogEntryAt& at) {
  const StoredEntry& entry = *at.entry;
  wire::Entry out;
  out.set_seq(at.seq);
  out.set_message_id(to_string_bytes(entry.message_id));
  out.set_time(entry.time);
  out.set_sender_user(to_string_bytes(entry.sender.user));
  out.set_sender_device(to_string_bytes(entry.sender.device));
  out.set_urgency(entry.urgency);
  if (entry.sender == device) {
    out.mutable_stub()->set_client_message_id(to_string_bytes(entry.client_message_id));
    out.mutable_stub()->set_sha256(wire::field(entry.hash().view()));
    return out;
  }
  if (entry.kind == EntryKind::message) {
    out.set_message(wire::field(entry.payload));
  } else if (entry.kind == EntryKind::handshake) {
    out.set_handshake(wire::field(entry.payload));
  }
  if (const auto* secret = entry.secret_for(device)) {
    out.mutable_welcome()->set_shared(wire::field(entry.welcome_shared));
    out.mutable_welcome()->set_secret(wire::field(*secret));
  }
  return out;
}

wire::Push joined_push(const ChatId& chat, const ChatFold& fold, const DeviceRef& device, const LogEntryAt& at) {
  wire::Push push;
  auto& joined = *push.mutable_chat_joined();
  joined.set_chat_id(to_string_bytes(chat));
  joined.set_type(fold.type);
  joined.set_generation(at.entry->generation);
  *joined.mutable_entry() = entry_for(device, at);
  return push;
}

}  // namespace sotto::relay
