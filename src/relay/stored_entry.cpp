#include "relay/stored_entry.h"

#include <wire/proto/relay_store.pb.h>

#include <algorithm>

#include "base/try.h"
#include "crypto/hash.h"
#include "relay/store_codec.h"
#include "wire/frame.h"
#include "wire/mls_header.h"

namespace sotto::relay {

const Bytes* StoredEntry::secret_for(const DeviceRef& device) const {
  const auto it = std::ranges::lower_bound(welcome_secrets, device, {}, &WelcomeSecret::device);
  return it != welcome_secrets.end() && it->device == device ? &it->secret : nullptr;
}

crypto::Sha256Digest StoredEntry::hash() const { return crypto::sha256(payload); }

Result<wire::CheckedCommitAad> StoredEntry::commit_aad() const {
  if (kind == EntryKind::founding) return wire::check_commit_aad(payload);
  SOTTO_TRY_ASSIGN(const auto header, wire::read_mls_header(payload));
  return wire::check_commit_aad(header.authenticated_data);
}

Bytes encode(const StoredEntry& entry) {
  stored::LogEntry out;
  out.set_version(store_version);
  out.set_kind(static_cast<stored::EntryKind>(entry.kind));
  out.set_chat_type(static_cast<std::uint32_t>(entry.type));
  out.set_generation(entry.generation);
  out.set_message_id(to_string_bytes(entry.message_id));
  out.set_time(entry.time);
  put(*out.mutable_sender(), entry.sender);
  out.set_urgency(static_cast<std::uint32_t>(entry.urgency));
  out.set_client_message_id(to_string_bytes(entry.client_message_id));
  out.set_n(entry.n);
  out.set_payload(wire::field(entry.payload));
  out.set_welcome_shared(wire::field(entry.welcome_shared));
  for (const auto& secret : entry.welcome_secrets) {
    auto& to = *out.add_welcome_secrets();
    put(*to.mutable_device(), secret.device);
    to.set_secret(wire::field(secret.secret));
  }
  return wire::serialize(out);
}

Result<StoredEntry> decode_entry(ByteView record) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::LogEntry>(record));
  StoredEntry out;
  out.kind = static_cast<EntryKind>(in.kind());
  const bool known = in.kind() == stored::MESSAGE || in.kind() == stored::HANDSHAKE || in.kind() == stored::FOUNDING;
  if (!known || !wire::ChatType_IsValid(static_cast<int>(in.chat_type())) ||
      !wire::Urgency_IsValid(static_cast<int>(in.urgency())) || !get(in.sender(), out.sender) ||
      !assign_exact(out.message_id, wire::view(in.message_id())) ||
      !assign_exact(out.client_message_id, wire::view(in.client_message_id()))) {
    return Error(ErrorCode::CORRUPT, "a log entry does not parse");
  }
  out.type = static_cast<wire::ChatType>(in.chat_type());
  out.urgency = static_cast<wire::Urgency>(in.urgency());
  out.generation = in.generation();
  out.time = in.time();
  out.n = in.n();
  out.payload = to_bytes(wire::view(in.payload()));
  out.welcome_shared = to_bytes(wire::view(in.welcome_shared()));
  for (const auto& from : in.welcome_secrets()) {
    WelcomeSecret secret;
    if (!get(from.device(), secret.device)) return Error(ErrorCode::CORRUPT, "a log entry does not parse");
    secret.secret = to_bytes(wire::view(from.secret()));
    out.welcome_secrets.push_back(std::move(secret));
  }
  return out;
}

}  // namespace sotto::relay
