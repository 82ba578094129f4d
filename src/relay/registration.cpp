#include "relay/registration.h"

#include "base/test_hooks.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "relay/record_keys.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::relay {

namespace {

constexpr std::uint64_t hour_ms = 3600ULL * 1000;
constexpr std::size_t records_a_scan = 256;
/// Of the use of an invitation, where somebody else changes it at the same time.
constexpr int reservations_at_most = 3;

void put_last(std::vector<std::string>& handles, const std::string& handle) {
  std::erase(handles, handle);
  if (handles.size() >= UserRecord::most_handles) handles.erase(handles.begin());
  handles.push_back(handle);
}

std::string new_code(Random& random) {
  std::string out;
  for (std::size_t i = 0; i < wire::limits::code_digits; ++i) out += static_cast<char>('0' + random.below(10));
  return out;
}

}  // namespace

Answer Registration::request_code(Call& call, const wire::RequestCode& request) {
  if (s_.config.registration != RegistrationMode::code) {
    return refuse(ErrorCode::UNSUPPORTED, "no code is needed here");
  }
  const auto& handle = request.handle();
  if (auto status = wire::check_handle(handle); !status.ok()) return wire::refusal(status.error());
  if (!wire::is_phone_number(handle)) {
    return refuse(ErrorCode::INVALID_ARGUMENT, "codes are sent to phone numbers only");
  }
  const auto key = keys::code(handle);
  const auto stored = s_.record(call, s_.codes, key);
  if (!stored) return stored.answer;
  auto record = stored->value_or(CodeRecord{});
  if (record.sent.reached(s_.config.codes_a_day, s_.wall)) {
    return refuse_until(ErrorCode::RATE_LIMITED, s_.wall, record.sent.over_at());
  }
  const auto again_at = record.sent_at + s_.config.code_resend_ms;
  if (record.sent_at <= s_.wall && s_.wall < again_at) {
    return refuse_until(ErrorCode::RATE_LIMITED, s_.wall, again_at);
  }
  if (auto limited = s_.limit('q', {as_bytes(call.connection.address)}, s_.config.codes_address)) return limited;
  if (auto limited = s_.limit('Q', {}, s_.config.codes_relay)) return limited;

  const auto code = new_code(s_.random);
  record.hash = code_hash(handle, code);
  record.expires_at = s_.wall + s_.config.code_lifetime_ms;
  record.wrong_tries = 0;
  record.sent_at = s_.wall;
  record.sent.add(s_.wall);
  record.used_by.reset();
  s_.codes.set(key, record);
  call.committed = [this, handle, code] { s_.outbox.send_code({handle, code, s_.config.code_lifetime_ms}); };
  wire::Response response;
  response.mutable_code_sent()->set_lifetime_ms(s_.config.code_lifetime_ms);
  response.mutable_code_sent()->set_digits(wire::limits::code_digits);
  return response;
}

Answer Registration::register_user(Call& call, const wire::Register& request) {
  if (auto status = wire::check_handle(request.handle()); !status.ok()) return wire::refusal(status.error());
  if (s_.config.registration == RegistrationMode::code && !wire::is_phone_number(request.handle())) {
    return refuse(ErrorCode::INVALID_ARGUMENT, "only phone numbers register here");
  }
  const auto handle_key = keys::handle(request.handle());
  const auto handle = s_.record(call, s_.handles, handle_key);
  if (!handle) return handle.answer;
  std::optional<HandleRecord> owner = *handle;
  auto& turn = call.connection.waiting.front();
  if (!turn.counted) {
    if (auto limited = s_.limit('r', {as_bytes(call.connection.address)}, s_.config.registrations)) return limited;
    turn.counted = true;
  }
  const auto checked = wire::check_device_list(request.device_list());
  if (!checked.ok()) return wire::refusal(checked.error());
  if (!crypto::verify(checked->identity_key, wire::registration_statement(call.connection.nonce, request.handle()),
                      wire::view(request.signature()))) {
    return refuse(ErrorCode::BAD_SIGNATURE);
  }
  const auto user_key = keys::user(checked->user);
  const auto stored = s_.record(call, s_.users, user_key);
  if (!stored) return stored.answer;
  std::optional<UserRecord> user = *stored;
  if (user && user->deleted) return refuse(ErrorCode::ACCOUNT_DELETED);
  if (!user && checked->version != 1) return refuse(ErrorCode::LIST_CONFLICT, "a new user's list has version 1");
  if (owner && owner->user != checked->user) {
    const auto other = s_.record(call, s_.users, keys::user(owner->user));
    if (!other) return other.answer;
    if (!exists(*other)) owner.reset();
  }

  // Repeated by who has it, nothing is asked for again.
  const bool has_it = owner && owner->user == checked->user;
  if (!has_it) {
    Answer refusal;
    if (!admit(call, {request, checked->user, !user, owner}, refusal)) return refusal;
  }
  if (!user || !has_it || user->handle() != request.handle()) {
    if (!user) user.emplace(request.device_list(), *checked);
    put_last(user->handles, request.handle());
    s_.users.set(user_key, user);
  }
  if (!has_it) s_.handles.set(handle_key, HandleRecord{checked->user, s_.wall});
  wire::Response response;
  response.mutable_registered()->set_user_id(to_string_bytes(checked->user));
  return response;
}

bool Registration::admit(Call& call, const Applicant& who, Answer& refusal) {
  switch (s_.config.registration) {
    case RegistrationMode::invite:
      return admit_by_invite(call, who, refusal);
    case RegistrationMode::code:
      return admit_by_code(call, who, refusal);
    case RegistrationMode::open:
      break;
  }
  if (who.owner) refusal = refuse(ErrorCode::HANDLE_TAKEN);
  return !who.owner;
}

/// The use is written down by a run before the one that makes the account: so it is never given twice, and an account
/// that was made for it is never without, also if the invitation is revoked meanwhile. What was written down for a user
/// stays theirs when they ask again.
bool Registration::admit_by_invite(Call& call, const Applicant& who, Answer& refusal) {
  const auto& text = who.request.invite();
  if (text.empty()) return refusal = refuse(who.owner ? ErrorCode::HANDLE_TAKEN : ErrorCode::INVITE_REQUIRED), false;
  const auto key = keys::invite(invite_hash(text));
  // Another process makes and revokes invitations: what was read counts for this request only.
  call.committed = call.failed = [this, key] { s_.invites.drop(key); };
  const auto stored = s_.record(call, s_.invites, key);
  if (!stored) return refusal = stored.answer, false;
  auto invite = *stored;
  const bool holds = invite && invite->used(who.user);
  if (who.owner) {
    if (holds && who.new_user) {
      std::erase(invite->used_by, who.user);
      s_.invites.set(key, invite);
    }
    return refusal = refuse(ErrorCode::HANDLE_TAKEN), false;
  }
  // In the same run only one of the two might be stored; if an earlier one fails, the later ones do, too.
  if (holds) return !s_.invites.waits(key);
  const bool good = invite && (invite->good(s_.wall) || SOTTO_PLANTED(invitation_without_end));
  if (!good) return refusal = refuse(ErrorCode::INVITE_REQUIRED), false;
  auto& turn = call.connection.waiting.front();
  if (++turn.reservations > reservations_at_most) return refusal = unavailable(), false;
  invite->used_by.push_back(who.user);
  s_.invites.set(key, invite);
  return false;
}

bool Registration::admit_by_code(Call& call, const Applicant& who, Answer& refusal) {
  const auto& handle = who.request.handle();
  const auto claim_key = keys::claim(handle);
  const auto code_key = keys::code(handle);
  const auto stored_claim = s_.record(call, s_.claims, claim_key);
  if (!stored_claim) return refusal = stored_claim.answer, false;
  const auto claim = *stored_claim;
  const auto stored_code = s_.record(call, s_.codes, code_key);
  if (!stored_code) return refusal = stored_code.answer, false;
  auto code = stored_code->value_or(CodeRecord{});
  Handles::Owner owner;
  if (who.owner && !handles_.look(call, *who.owner, owner, refusal)) return false;

  const bool proved_before = claim && claim->pending(s_.wall) && claim->claimant == who.user;
  if (!proved_before && (refusal = check_code(code, who))) {
    // Who was refused by the owner comes back without a code.
    if (claim && s_.wall < claim->kept_until) refusal = Handles::kept();
    return false;
  }
  if (who.owner) refusal = handles_.decide(call, who.request, who.user, owner, claim);
  // With the PIN, or when its owner lets it go, the same code is shown again.
  if (refusal && refusal->status() != static_cast<std::uint32_t>(ErrorCode::HANDLE_PENDING)) return false;
  if (!proved_before) {
    code.used_by = who.user;
    s_.codes.set(code_key, code);
  }
  if (refusal) return false;
  if (claim) s_.claims.set(claim_key, std::nullopt);
  if (who.owner) call.committed = [this, handle, from = owner.devices] { handles_.moved(handle, from); };
  return true;
}

Answer Registration::check_code(CodeRecord code, const Applicant& who) {
  if (who.request.code().empty()) return refuse(ErrorCode::CODE_REQUIRED);
  if (!code.hash || s_.wall >= code.expires_at) return refuse(ErrorCode::WRONG_CODE);
  const auto shown = code_hash(who.request.handle(), who.request.code());
  if (crypto::equal_constant_time(shown.view(), code.hash->view())) {
    const bool free = !code.used_by || code.used_by == who.user;
    return free ? std::nullopt : Answer(refuse(ErrorCode::WRONG_CODE));
  }
  if (++code.wrong_tries >= s_.config.code_tries) {
    SOTTO_RARE(code_used_up);
    code.hash.reset();
  }
  s_.codes.set(keys::code(who.request.handle()), code);
  return refuse(ErrorCode::WRONG_CODE);
}

std::optional<std::uint64_t> Registration::next_look() const {
  if (s_.config.registration == RegistrationMode::open) return std::nullopt;
  return next_look_;
}

void Registration::look() {
  if (!next_look() || s_.now < next_look_) return;
  next_look_ = s_.now + hour_ms;
  scan<CodeRecord>(keys::codes(), {});
  scan<ClaimRecord>(keys::claims(), {});
  scan<InviteRecord>(keys::invites(), {});
}

template <typename T>
void Registration::scan(const RecordKey& family, RecordKey after) {
  s_.backend.scan(family, std::move(after), records_a_scan, [this, family](const Result<std::vector<Record>>& records) {
    if (!records.ok()) return;
    for (const auto& record : *records) {
      const auto value = T::decode(record.value);
      if (value.ok() && value->over(s_.wall)) over_.insert(record.key);
    }
    if (records->size() == records_a_scan) scan<T>(family, records->back().key);
  });
}

void Registration::work() {
  std::erase_if(over_, [&](const RecordKey& key) {
    if (key.front() == keys::codes().front()) return remove_if_over(s_.codes, key);
    if (key.front() == keys::claims().front()) return remove_if_over(s_.claims, key);
    return remove_if_over(s_.invites, key);
  });
}

/// False: not read yet. It may have changed since it was found.
template <typename T>
bool Registration::remove_if_over(RecordCache<T>& cache, const RecordKey& key) {
  const auto record = cache.need(key);
  if (!record) return record.answer.has_value();
  if (record->has_value() && (*record)->over(s_.wall)) {
    cache.set(key, std::nullopt);
    s_.want_checkpoint();
  }
  return true;
}

}  // namespace sotto::relay
