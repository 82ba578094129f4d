// How an account is made: the code asked for, the registration shown to the relay, and what its answers mean.
#include <algorithm>

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
  // What waits for another account's handle has no account yet: the app may think better of it.
  const bool waits = c_.account && !c_.account->registered && c_.account->handle_moves_at != 0;
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
  // On a connection that is there for a code only.
  if (link_ == Link::registering && !asked_for_account_) ask_for_account();
  return {};
}

void Session::finish_registration(const Result<UserId>& result) {
  c_.undo.emplace_back([this, waiting = registrations_] { registrations_ = waiting; });
  for (const auto& done : registrations_) c_.complete<UserId>(done, result);
  registrations_.clear();
}

void Session::ask_for_account() {
  asked_for_account_ = true;
  wire::Request request;
  auto& command = *request.mutable_register_();
  command.set_handle(c_.account->handle);
  *command.mutable_device_list() = c_.account->device_list;
  command.set_code(c_.account->code);
  command.set_invite(c_.account->invite);
  command.set_pin_hash(wire::field(c_.account->pin_hash));
  command.set_signature(wire::field(
      crypto::sign(c_.account->identity.private_key, wire::registration_statement(nonce_, c_.account->handle)).view()));
  this->request(request, [this](const wire::Response& response) { return on_registered(response); });
}

Status Session::on_registered(const wire::Response& response) {
  const auto status = wire::status_of(response);
  if (!status.ok()) return on_refused(status.error());
  const bool untold = registrations_.empty();
  SOTTO_TRY(c_.accounts.set_registered());
  SOTTO_TRY_ASSIGN(c_.account, c_.accounts.load());
  finish_registration(c_.account->user);
  if (untold) c_.emit(RegistrationChanged{c_.account->handle, c_.account->user, std::nullopt, std::nullopt});
  return authenticate();
}

Status Session::on_refused(const Error& why) {
  if (why.code == ErrorCode::HANDLE_PENDING) {
    const auto wait = std::min<std::chrono::milliseconds>(why.retry_after, longest_patience);
    const auto moves_at = c_.now + wait;
    SOTTO_TRY(c_.accounts.set_handle(moves_at.time_since_epoch().count(), false));
    c_.account->handle_moves_at = moves_at.time_since_epoch().count();
    finish_registration(why);
    c_.emit(RegistrationChanged{c_.account->handle, std::nullopt, moves_at, std::nullopt});
    abandon(why);
    patient_until_ = moves_at;
    return {};
  }
  const bool asks_for_much = why.code == ErrorCode::RATE_LIMITED && why.retry_after > longest_wait;
  if (why.retryable && !asks_for_much) {
    abandon(why);
    next_try_ = std::max(next_try_, c_.now + std::min<std::chrono::milliseconds>(why.retry_after, longest_wait));
    return {};
  }
  // The relay will not have this account: the app may try another handle, or show something else.
  const auto handle = c_.account->handle;
  const bool untold = registrations_.empty();
  SOTTO_TRY(c_.accounts.remove());
  c_.account.reset();
  finish_registration(why);
  if (untold) c_.emit(RegistrationChanged{handle, std::nullopt, std::nullopt, why});
  abandon(why);
  return {};
}

bool Session::wants_connection() const {
  if (!code_queries_.empty()) return true;
  return c_.account && !c_.account->rolled_back && (!patient_until_ || *patient_until_ <= c_.now);
}

// ---- Codes

Status Session::on_command(const RequestCodeCommand& command) {
  if (c_.account && c_.account->registered) {
    c_.complete<CodeSent>(command.done, Error(ErrorCode::ALREADY_EXISTS, "the store has an account already"));
    return {};
  }
  code_queries_.add(command);
  if (link_ == Link::offline) {
    next_try_ = std::min(next_try_, c_.now);
    try_connect();
  } else if (link_ == Link::registering) {
    ask_for_codes();
  }
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
  // Without an account there is nothing else to be connected for.
  if (code_queries_.empty() && (!c_.account || patient_until_)) {
    abandon(Error(ErrorCode::CANCELLED, "nothing else to ask without an account"));
    failures_ = 0;
  }
}

void Session::end_patience() {
  if (patient_until_ && *patient_until_ <= c_.now && link_ == Link::offline) {
    patient_until_.reset();
    next_try_ = c_.now;
  }
}

}  // namespace sotto::client
