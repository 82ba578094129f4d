#include "relay/registration_records.h"

#include "base/try.h"
#include "crypto/hash.h"
#include "relay/store_codec.h"

namespace sotto::relay {

namespace {

/// An optional field of a fixed size; empty is none. False: of another size.
template <typename T>
bool take(std::optional<T>& to, const std::string& field) {
  return field.empty() || assign_exact(to.emplace(), wire::view(field));
}

}  // namespace

Bytes CodeRecord::encode() const {
  stored::CodeRecord out;
  out.set_version(store_version);
  if (hash) out.set_code_hash(wire::field(hash->view()));
  out.set_expires_at(expires_at);
  out.set_wrong_tries(wrong_tries);
  out.set_sent_at(sent_at);
  out.set_sent(sent.count);
  out.set_sent_since(sent.since);
  if (used_by) out.set_used_by(to_string_bytes(*used_by));
  return wire::serialize(out);
}
Result<CodeRecord> CodeRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::CodeRecord>(bytes));
  CodeRecord out;
  if (!take(out.hash, in.code_hash()) || !take(out.used_by, in.used_by())) return corrupt_record();
  out.expires_at = in.expires_at();
  out.wrong_tries = in.wrong_tries();
  out.sent_at = in.sent_at();
  out.sent = {in.sent(), in.sent_since()};
  return out;
}

Bytes ClaimRecord::encode() const {
  stored::ClaimRecord out;
  out.set_version(store_version);
  if (claimant) out.set_user_id(to_string_bytes(*claimant));
  out.set_moves_at(moves_at);
  out.set_kept_until(kept_until);
  return wire::serialize(out);
}
Result<ClaimRecord> ClaimRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::ClaimRecord>(bytes));
  ClaimRecord out;
  if (!take(out.claimant, in.user_id())) return corrupt_record();
  out.moves_at = in.moves_at();
  out.kept_until = in.kept_until();
  return out;
}

Bytes InviteRecord::encode() const {
  stored::InviteRecord out;
  out.set_version(store_version);
  out.set_uses(uses);
  out.set_expires_at(expires_at);
  out.set_created_at(created_at);
  for (const auto& user : used_by) out.add_used_by(to_string_bytes(user));
  return wire::serialize(out);
}
Result<InviteRecord> InviteRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::InviteRecord>(bytes));
  InviteRecord out{in.uses(), in.expires_at(), in.created_at(), {}};
  for (const auto& user : in.used_by()) {
    if (!assign_exact(out.used_by.emplace_back(), wire::view(user))) return corrupt_record();
  }
  return out;
}

crypto::Sha256Digest code_hash(std::string_view handle, std::string_view code) {
  return crypto::sha256({as_bytes("sotto code"), as_bytes(handle), as_bytes("\n"), as_bytes(code)});
}

crypto::Sha256Digest invite_hash(std::string_view text) {
  return crypto::sha256({as_bytes("sotto invite"), as_bytes(text)});
}

}  // namespace sotto::relay
