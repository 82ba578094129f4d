#include "relay/handles.h"

#include "base/test_hooks.h"
#include "crypto/hash.h"
#include "relay/record_keys.h"

namespace sotto::relay {

namespace {

constexpr std::size_t pin_hash_bytes = 32;

wire::HandleNotice notice_of(const std::string& handle, std::uint64_t moves_at, bool moved) {
  wire::HandleNotice out;
  out.set_handle(handle);
  out.set_moves_at(moves_at);
  out.set_moved(moved);
  return out;
}

}  // namespace

wire::Response refuse_until(ErrorCode code, std::uint64_t now, std::uint64_t then) {
  Error error(code);
  error.retry_after = std::chrono::milliseconds(then > now ? then - now : 1);
  return wire::refusal(error);
}

Answer Handles::limit(Call& call) {
  return s_.limit('h', {view(call.connection.sender.device.user)}, s_.config.settings);
}

bool Handles::look(Call& call, Own& own, Answer& failure) {
  const auto self = call.connection.sender.device.user;
  const auto user = s_.record(call, s_.users, keys::user(self));
  if (!user) return failure = user.answer, false;
  if (!exists(*user)) return failure = refuse(ErrorCode::UNKNOWN_USER), false;
  own.handle = SOTTO_PLANTED(new_handle_not_locked) ? (*user)->handles.front() : (*user)->handle();
  own.devices = devices_of(self, **user);
  if (own.handle.empty()) return failure = refuse(ErrorCode::NOT_FOUND, "the account has no handle"), false;
  const auto handle = s_.record(call, s_.handles, keys::handle(own.handle));
  if (!handle) return failure = handle.answer, false;
  if (!handle->has_value() || (*handle)->user != self) {
    return failure = refuse(ErrorCode::HANDLE_TAKEN, "the handle has moved to another account"), false;
  }
  own.record = **handle;
  const auto claim = s_.record(call, s_.claims, keys::claim(own.handle));
  if (!claim) return failure = claim.answer, false;
  own.claim = *claim;
  return true;
}

Answer Handles::set_pin(Call& call, const wire::SetPin& request) {
  const auto& pin = request.pin_hash();
  if (!pin.empty() && pin.size() != pin_hash_bytes)
    return refuse(ErrorCode::INVALID_ARGUMENT, "a PIN's hash has 32 bytes");
  Own own;
  Answer failure;
  if (!look(call, own, failure)) return failure;
  if (auto limited = limit(call)) return limited;
  own.record.pin.reset();
  own.record.wrong_pins = {};
  if (!pin.empty()) own.record.pin = crypto::sha256(wire::view(pin));
  s_.handles.set(keys::handle(own.handle), own.record);
  return wire::Response{};
}

Answer Handles::set_discovery(Call& call, const wire::SetDiscovery& request) {
  const auto key = keys::user(call.connection.sender.device.user);
  const auto user = s_.record(call, s_.users, key);
  if (!user) return user.answer;
  if (!exists(*user)) return refuse(ErrorCode::UNKNOWN_USER);
  if (auto limited = limit(call)) return limited;
  UserRecord record = **user;
  record.hidden = request.hidden();
  s_.users.set(key, std::move(record));
  return wire::Response{};
}

Answer Handles::keep(Call& call) {
  Own own;
  Answer failure;
  if (!look(call, own, failure)) return failure;
  if (auto limited = limit(call)) return limited;
  if (!own.claim || !own.claim->pending(s_.wall)) return wire::Response{};
  if (SOTTO_PLANTED(objection_ignored)) return wire::Response{};
  s_.claims.set(keys::claim(own.handle), ClaimRecord{std::nullopt, 0, s_.wall + s_.config.handle_kept_ms});
  call.committed = [this, own] {
    for (const auto& device : own.devices) tell(device, notice_of(own.handle, 0, false));
  };
  return wire::Response{};
}

bool Handles::look(Call& call, const HandleRecord& record, Owner& owner, Answer& failure) {
  owner.record = record;
  // Whoever registered has not connected yet.
  owner.active_at = record.since;
  const auto user = s_.record(call, s_.users, keys::user(record.user));
  if (!user) return failure = user.answer, false;
  if (user->has_value()) owner.devices = devices_of(record.user, **user);
  bool ready = true;
  for (const auto& device : owner.devices) {
    const auto stored = s_.record(call, s_.devices, keys::device(device));
    if (!stored) {
      ready = false;
      if (stored.answer) failure = stored.answer;
      continue;
    }
    if (stored->has_value()) owner.active_at = std::max(owner.active_at, (*stored)->session_time);
    // A session may last for longer than the time that counts.
    if (s_.main_of(device) != nullptr) owner.active_at = s_.wall;
  }
  return ready;
}

Answer Handles::decide(Call& call, const wire::Register& request, const UserId& user, Owner owner,
                       const std::optional<ClaimRecord>& claim) {
  if (owner.record.pin) {
    if (request.pin_hash().empty()) return refuse(ErrorCode::PIN_REQUIRED);
    auto& wrong = owner.record.wrong_pins;
    if (wrong.reached(s_.config.pins_a_day, s_.wall)) {
      return refuse_until(ErrorCode::RATE_LIMITED, s_.wall, wrong.over_at());
    }
    const auto shown = crypto::sha256(wire::view(request.pin_hash()));
    if (crypto::equal_constant_time(shown.view(), owner.record.pin->view())) return std::nullopt;
    if (SOTTO_PLANTED(pin_not_compared)) return std::nullopt;
    if (!SOTTO_PLANTED(wrong_pins_not_counted)) wrong.add(s_.wall);
    s_.handles.set(keys::handle(request.handle()), owner.record);
    return refuse(ErrorCode::PIN_REQUIRED);
  }
  if (claim && s_.wall < claim->kept_until) return kept();
  if (claim && claim->pending(s_.wall) && claim->claimant == user) {
    if (s_.wall < claim->moves_at) return refuse_until(ErrorCode::HANDLE_PENDING, s_.wall, claim->moves_at);
    return std::nullopt;
  }
  if (owner.active_at + s_.config.handle_active_ms <= s_.wall) return std::nullopt;
  if (SOTTO_PLANTED(handle_moves_at_once)) return std::nullopt;
  if (claim && claim->pending(s_.wall)) SOTTO_RARE(claim_taken_over);
  // Who proved the number last is the one whose it is: another claim that was pending is over.
  const ClaimRecord pending{user, s_.wall + s_.config.handle_notice_ms, 0};
  s_.claims.set(keys::claim(request.handle()), pending);
  call.committed = [this, devices = owner.devices, notice = notice_of(request.handle(), pending.moves_at, false)] {
    for (const auto& device : devices) tell(device, notice);
  };
  return refuse_until(ErrorCode::HANDLE_PENDING, s_.wall, pending.moves_at);
}

wire::Response Handles::kept() { return refuse(ErrorCode::HANDLE_TAKEN, "its owner keeps the handle"); }

void Handles::moved(const std::string& handle, const std::vector<DeviceRef>& from) {
  for (const auto& device : from) tell(device, notice_of(handle, 0, true));
}

bool Handles::look(Call& call, const UserId& user, const std::string& handle, Notice& notice, Answer& failure) {
  if (s_.config.registration != RegistrationMode::code || handle.empty()) return true;
  const auto record = s_.record(call, s_.handles, keys::handle(handle));
  if (!record) return failure = record.answer, false;
  const bool own = record->has_value() && (*record)->user == user;
  const auto claim = s_.record(call, s_.claims, keys::claim(handle));
  if (!claim) return failure = claim.answer, false;
  if (!own) {
    notice = notice_of(handle, 0, true);
  } else if (claim->has_value() && (*claim)->pending(s_.wall)) {
    notice = notice_of(handle, (*claim)->moves_at, false);
  }
  return true;
}

void Handles::tell(const DeviceRef& device, const wire::HandleNotice& notice) {
  auto* connection = s_.main_of(device);
  if (connection == nullptr) return;
  wire::Push push;
  *push.mutable_handle_notice() = notice;
  s_.outbox.push(*connection, push);
}

}  // namespace sotto::relay
