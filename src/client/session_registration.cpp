// How an account is made: the code asked for, the registration shown to the relay, and what its answers mean.
#include <algorithm>

#include "base/test_hooks.h"
#include "base/try.h"
#include "client/session.h"
#include "crypto/sign.h"
#include "wire/frame.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::client {

namespace {

/// A relay that wants to be left alone for longer than this has told the app so.
constexpr std::chrono::seconds longest_wait{60};
/// A relay that could not give another handle just now is asked on another connection, not too soon.
constexpr std::chrono::seconds another_try{30};
/// Whatever a relay says, it is asked again in this time.
constexpr std::chrono::hours longest_patience{7 * 24};

/// The account of a new user: identity, device, certificate and device list 1.
AccountRow new_account(const std::string& handle, Timestamp now, Random& random) {
  AccountRow account;
  account.handle = handle;
  account.identity = crypto::generate_signature_key(random);
  account.user = wire::user_id_of(account.identity.public_key);
  account.device = random_id<DeviceId>(random);
  account.device_key = crypto::generate_signature_key(random);

  const auto issued_at = static_cast<std::uint64_t>(now.time_since_epoch().count());
  wire::DeviceCertificate certificate;
  certificate.set_user_id(to_string_bytes(account.user));
  certificate.set_identity_key(wire::field(account.identity.public_key.view()));
  certificate.set_device_id(to_string_bytes(account.device));
  certificate.set_device_key(wire::field(account.device_key.public_key.view()));
  certificate.set_era(account.era);
  certificate.set_list_version(1);
  certificate.set_issued_at(issued_at);
  certificate.set_primary(true);

  wire::DeviceList list;
  list.set_user_id(to_string_bytes(account.user));
  list.set_identity_key(wire::field(account.identity.public_key.view()));
  list.set_version(1);
  *list.add_devices() = wire::sign_certificate(certificate, account.identity.private_key);
  list.set_issued_at(issued_at);
  account.device_list = wire::sign_device_list(list, account.identity.private_key);
  return account;
}

}  // namespace

Status Session::on_command(const RegisterCommand& command) {
  // What waits for another account's handle has no account yet: the app may think better of it. But what was asked for
  // and is not answered may have one by now.
  const bool waits = c_.account && !c_.account->registered && c_.account->handle_moves_at != 0 && !asking_for_handle_;
  if (c_.account && c_.account->handle != command.handle) {
    if (!waits) {
      c_.complete<UserId>(command.done, Error(ErrorCode::ALREADY_EXISTS, "the store has an account already"));
      return {};
    }
    SOTTO_TRY(c_.accounts.remove());
    c_.account.reset();
  }
  if (c_.account && c_.account->registered) {
    c_.complete<UserId>(command.done, c_.account->user);
    return {};
  }
  if (!c_.account) {
    auto account = new_account(command.handle, c_.now, c_.random);
    SOTTO_TRY(c_.accounts.insert(account));
    c_.account = std::move(account);
  }
  const auto& shown = command.credentials;
  if (!shown.code.empty()) c_.account->code = shown.code;
  if (!shown.invite.empty()) c_.account->invite = shown.invite;
  if (!shown.pin_hash.empty()) c_.account->pin_hash = shown.pin_hash;
  SOTTO_TRY(c_.accounts.set_credentials(*c_.account));
  c_.undo.emplace_back([this, count = registrations_.size()] { registrations_.resize(count); });
  registrations_.push_back(command.done);
  on_connect_wanted();
  return {};
}

void Session::finish_registration(const Result<UserId>& result) {
  c_.undo.emplace_back([this, waiting = registrations_] { registrations_ = waiting; });
  for (const auto& done : registrations_) c_.complete<UserId>(done, result);
  registrations_.clear();
}

bool Session::wants_handle() const {
  return c_.account && (!c_.account->registered || c_.handle_change) && !patient_until_;
}

Status Session::register_or_authenticate() {
  ask_for_codes();
  if (wants_handle() && !asking_for_handle_) ask_for_handle();
  if (!code_queries_.empty() || asking_for_handle_) return {};
  if (c_.account && c_.account->registered && !c_.account->rolled_back) return authenticate();
  abandon(Error(ErrorCode::CANCELLED, "nothing else to ask without an account"));
  failures_ = 0;
  return {};
}

HandleChange Session::asked_for() const {
  if (c_.handle_change) return *c_.handle_change;
  const auto& account = *c_.account;
  return {account.handle, account.code, account.invite, account.pin_hash, account.handle_moves_at};
}

void Session::ask_for_handle() {
  asking_for_handle_ = true;
  const auto& account = *c_.account;
  const auto change = asked_for();
  wire::Request request;
  auto& command = *request.mutable_register_();
  command.set_handle(change.handle);
  *command.mutable_device_list() = account.device_list;
  command.set_code(change.code);
  command.set_invite(change.invite);
  command.set_pin_hash(wire::field(change.pin_hash));
  command.set_signature(wire::field(
      crypto::sign(account.identity.private_key, wire::registration_statement(nonce_, change.handle)).view()));
  this->request(request, [this](const wire::Response& response) { return on_registered(response); });
}

Status Session::on_registered(const wire::Response& response) {
  asking_for_handle_ = false;
  const auto status = wire::status_of(response);
  if (!status.ok()) return on_refused(status.error());
  const bool untold = registrations_.empty();
  SOTTO_TRY(c_.handle_change ? c_.accounts.finish_handle_change() : c_.accounts.set_registered());
  SOTTO_TRY(c_.load_account());
  finish_registration(c_.account->user);
  if (untold) c_.emit(RegistrationChanged{c_.account->handle, c_.account->user, std::nullopt, std::nullopt});
  return {};
}

/// An account that is registered goes on with its old handle, on this connection, whatever is said of the new one; one
/// that is not has nothing to go on with.
Status Session::on_refused(const Error& why) {
  const bool registered = c_.account->registered;
  if (why.code == ErrorCode::HANDLE_PENDING) {
    SOTTO_TRY(handle_waits(why));
    if (!registered) abandon(why);
    return {};
  }
  const bool asks_for_much = why.code == ErrorCode::RATE_LIMITED && why.retry_after > longest_wait;
  if (why.retryable && !asks_for_much) {
    const auto wait = std::min<std::chrono::milliseconds>(why.retry_after, longest_wait);
    if (registered) {
      be_patient(c_.now + std::max<std::chrono::milliseconds>(wait, another_try));
    } else {
      abandon(why);
      next_try_ = std::max(next_try_, c_.now + wait);
    }
    return {};
  }
  // The relay will not have it: the app may try another handle, or show something else.
  const auto handle = asked_for().handle;
  const bool untold = registrations_.empty();
  SOTTO_TRY(registered ? c_.accounts.remove_handle_change() : c_.accounts.remove());
  SOTTO_TRY(c_.load_account());
  finish_registration(why);
  if (untold) c_.emit(RegistrationChanged{handle, std::nullopt, std::nullopt, why});
  if (!registered) abandon(why);
  return {};
}

Status Session::handle_waits(const Error& why) {
  const auto moves_at = c_.now + std::min<std::chrono::milliseconds>(why.retry_after, longest_patience);
  const auto ms = moves_at.time_since_epoch().count();
  if (auto& change = c_.handle_change) {
    change->moves_at = ms;
    SOTTO_TRY(c_.accounts.set_handle_change(*change));
  } else {
    c_.account->handle_moves_at = ms;
    SOTTO_TRY(c_.accounts.set_handle(ms, false));
  }
  finish_registration(why);
  c_.emit(RegistrationChanged{asked_for().handle, std::nullopt, moves_at, std::nullopt});
  be_patient(SOTTO_PLANTED(change_forgotten) ? moves_at + longest_patience : moves_at);
  return {};
}

void Session::be_patient(std::optional<Timestamp> until) {
  c_.undo.emplace_back([this, before = patient_until_] { patient_until_ = before; });
  patient_until_ = until;
}

// ---- Another handle

Status Session::on_command(const ChangeHandleCommand& command) {
  const auto refuse = [&](ErrorCode code, const char* why) {
    c_.complete<void>(command.done, Error(code, why));
    return Status{};
  };
  if (!c_.account->registered) return refuse(ErrorCode::NOT_REGISTERED, "there is no account yet");
  if (c_.account->rolled_back) return refuse(ErrorCode::ROLLED_BACK, "this store is an old copy");
  auto& change = c_.handle_change;
  if (change && change->handle != command.handle) {
    // Of what was asked for and not answered nobody knows whether it was given.
    if (asking_for_handle_ || change->moves_at <= c_.now_ms()) {
      return refuse(ErrorCode::CONFLICT, "another handle is being asked for");
    }
    SOTTO_TRY(c_.accounts.remove_handle_change());
    change.reset();
    be_patient(std::nullopt);
    finish_registration(Error(ErrorCode::CANCELLED, "another handle is asked for"));
  }
  if (!change && !c_.account->handle_moved && c_.account->handle == command.handle) {
    c_.complete<void>(command.done, Result<void>{});
    return {};
  }
  if (!change) change.emplace(HandleChange{command.handle});
  const auto& shown = command.credentials;
  if (!shown.code.empty()) change->code = shown.code;
  if (!shown.invite.empty()) change->invite = shown.invite;
  if (!shown.pin_hash.empty()) change->pin_hash = shown.pin_hash;
  SOTTO_TRY(c_.accounts.set_handle_change(*change));
  c_.undo.emplace_back([this, count = registrations_.size()] { registrations_.resize(count); });
  registrations_.push_back([done = command.done](const Result<UserId>& user) {
    if (done) done(user.ok() ? Result<void>() : Result<void>(user.error()));
  });
  be_patient(std::nullopt);
  next_try_ = std::min(next_try_, c_.now);
  try_connect();
  return {};
}

bool Session::wants_connection() const {
  if (!code_queries_.empty()) return true;
  if (!c_.account || c_.account->rolled_back) return false;
  return c_.account->registered || !patient_until_ || *patient_until_ <= c_.now;
}

// ---- Codes

Status Session::on_command(const RequestCodeCommand& command) {
  code_queries_.add(command);
  next_try_ = std::min(next_try_, c_.now);
  try_connect();
  return {};
}

void Session::ask_for_codes() {
  code_queries_.ask([this](std::uint64_t id, const RequestCodeCommand& command) {
    wire::Request request;
    request.mutable_request_code()->set_handle(command.handle);
    this->request(request, [this, id](const wire::Response& response) {
      on_code_answer(id, response);
      return Status{};
    });
  });
}

void Session::on_code_answer(std::uint64_t id, const wire::Response& response) {
  const auto status = wire::status_of(response);
  Result<CodeSent> result = Error(ErrorCode::PROTOCOL_ERROR, "no code was said to be sent");
  if (!status.ok()) {
    result = status.error();
  } else if (response.has_code_sent()) {
    constexpr std::uint64_t most = 24ULL * 3600 * 1000;
    result = CodeSent{std::chrono::milliseconds(std::min(response.code_sent().lifetime_ms(), most)),
                      response.code_sent().digits()};
  }
  code_queries_.end(id, result);
}

void Session::end_patience() {
  if (!patient_until_ || *patient_until_ > c_.now) return;
  patient_until_.reset();
  if (link_ == Link::offline && !c_.handle_change) next_try_ = c_.now;
}

}  // namespace sotto::client
