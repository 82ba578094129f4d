#include "client/leaving.h"

#include <algorithm>

#include "base/try.h"
#include "crypto/sign.h"
#include "wire/frame.h"
#include "wire/identity.h"

namespace sotto::client {

namespace {
/// Until a deletion that the relay could not carry out is asked for again.
constexpr std::chrono::milliseconds retry_wait{10'000};
/// Logging out does not depend on the relay.
constexpr std::chrono::milliseconds log_out_wait{10'000};
}  // namespace

Status Leaving::load() {
  SOTTO_TRY_ASSIGN(kind_, table_.load());
  return {};
}

Status Leaving::begin(LeavingKind kind, const Completion<void>& done) {
  SOTTO_TRY(table_.set(kind));
  c_.undo.emplace_back([this, count = waiting_.size(), before = kind_] {
    waiting_.resize(count);
    kind_ = before;
  });
  waiting_.push_back(done);
  kind_ = kind;
  asked_ = false;
  telling_ = kind != LeavingKind::delete_account;
  retry_at_ = c_.now;
  return {};
}

Status Leaving::on_command(const DeleteAccountCommand& command) {
  if (!c_.account->registered) {
    c_.complete<void>(command.done, Error(ErrorCode::NOT_REGISTERED));
    return {};
  }
  if (kind_ == LeavingKind::erase) {
    c_.complete<void>(command.done, Error(ErrorCode::CONFLICT, "this device is logging out"));
    return {};
  }
  if (logged_out()) SOTTO_TRY(push_token_.forgotten());
  SOTTO_TRY(begin(LeavingKind::delete_account, command.done));
  session_.on_connect_wanted();
  return {};
}

Status Leaving::on_command(const LogOutCommand& command) {
  if (kind_ == LeavingKind::delete_account || (kind_ == LeavingKind::erase && command.data == LogOutData::keep)) {
    c_.complete<void>(command.done, Error(ErrorCode::CONFLICT, "the account is about to be erased"));
    return {};
  }
  return begin(command.data == LogOutData::erase ? LeavingKind::erase : LeavingKind::logged_out, command.done);
}

Status Leaving::on_connect_wanted() {
  if (kind_ != LeavingKind::logged_out) return {};
  SOTTO_TRY(table_.set(std::nullopt));
  if (!SOTTO_PLANTED(token_not_told_again)) SOTTO_TRY(push_token_.forgotten());
  c_.undo.emplace_back([this, before = kind_] { kind_ = before; });
  kind_.reset();
  complete(Error(ErrorCode::CANCELLED, "the app connects again"));
  return {};
}

Status Leaving::pump() {
  if (finishing_) retry_at_ = c_.now + retry_wait;  // Media tries more often.
  if (!kind_ || erase_due_) return {};
  if (*kind_ != LeavingKind::delete_account)
    return telling_ || *kind_ == LeavingKind::erase ? tell_log_out() : Status{};
  if (session_.account_deleted()) {
    // As this device had asked, on a connection that broke before the answer.
    SOTTO_RARE(deleted_without_an_answer);
    erase_due_ = true;
  } else if (session_.authenticated() && !asked_ && c_.now >= retry_at_) {
    ask_to_delete();
  }
  return {};
}

void Leaving::ask_to_delete() {
  asked_ = true;
  wire::Request request;
  auto& command = *request.mutable_delete_account();
  const auto time = static_cast<std::uint64_t>(c_.now_ms());
  command.set_time(time);
  command.set_signature(wire::field(
      crypto::sign(c_.account->identity.private_key, wire::deletion_statement(c_.account->user, time)).view()));
  session_.request(request, [this](const wire::Response& response) { return on_deleted(response); });
}

Status Leaving::on_deleted(const wire::Response& response) {
  const auto status = wire::status_of(response);
  if (status.ok() || status.error().code == ErrorCode::ACCOUNT_DELETED) {
    erase_due_ = true;
    return {};
  }
  if (status.error().retryable) {
    asked_ = false;
    retry_at_ = c_.now + std::max(status.error().retry_after, retry_wait);
    return {};
  }
  SOTTO_TRY(table_.set(std::nullopt));
  c_.undo.emplace_back([this, before = kind_] { kind_ = before; });
  kind_.reset();
  complete(status.error());
  return {};
}

Status Leaving::tell_log_out() {
  if (!asked_ && session_.authenticated()) {
    asked_ = true;
    deadline_ = c_.now + log_out_wait;
    acks_.send();  // First: the relay takes nothing that comes behind.
    wire::Request request;
    request.mutable_log_out();
    session_.request(request, [this](const wire::Response&) { return told(); });
    return {};
  }
  if (asked_ && session_.authenticated() && c_.now < deadline_) return {};
  SOTTO_RARE(logged_out_without_the_relay);
  return told();
}

Status Leaving::told() {
  telling_ = false;
  if (!kind_) return {};  // Since then the app wants to be connected again.
  acks_.say_farewell();
  if (kind_ == LeavingKind::erase) {
    erase_due_ = true;
    return {};
  }
  session_.on_disconnect_wanted();
  complete({});
  return {};
}

void Leaving::on_connection_lost() {
  if (kind_ == LeavingKind::delete_account) asked_ = false;
}

void Leaving::on_rollback() {
  erase_due_ = false;
  asked_ = false;
}

Status Leaving::erase() {
  SOTTO_TRY(table_.erase_store());
  c_.account.reset();
  c_.handle_change.reset();
  acks_.clear();
  c_.dirty.clear();
  c_.to_log.clear();
  return {};
}

void Leaving::erased() {
  erase_due_ = false;
  kind_.reset();
  finishing_ = true;
  retry_at_ = c_.now;
}

void Leaving::finish() {
  complete({});  // First: a step that is undone brings back what was before it.
  finishing_ = false;
}

void Leaving::complete(const Result<void>& result) {
  c_.undo.emplace_back([this, waiting = waiting_, finishing = finishing_] {
    waiting_ = waiting;
    finishing_ = finishing;
  });
  for (const auto& done : waiting_) c_.complete<void>(done, result);
  waiting_.clear();
}

std::optional<Timestamp> Leaving::next_timer() const {
  if (finishing_) return retry_at_;
  if (!kind_) return std::nullopt;
  if (kind_ == LeavingKind::delete_account) {
    if (!session_.authenticated() || asked_) return std::nullopt;
    return std::max(retry_at_, c_.now);
  }
  if (!telling_ && kind_ != LeavingKind::erase) return std::nullopt;
  return asked_ ? deadline_ : c_.now;
}

void Leaving::set_clock_back(std::chrono::milliseconds by) {
  deadline_ -= by;
  retry_at_ -= by;
}

void Leaving::close(const Error& why) { complete(why); }

}  // namespace sotto::client
