#include "client/push_token.h"

#include <algorithm>

#include "base/try.h"
#include "wire/frame.h"

namespace sotto::client {

namespace {
constexpr std::chrono::milliseconds token_retry_wait{10'000};
}

Status PushToken::on_command(const SetPushTokenCommand& command) {
  SOTTO_TRY(table_.set(command.token, command.at_least));
  c_.undo.emplace_back([this, count = waiting_.size()] { waiting_.resize(count); });
  waiting_.push_back(command.done);
  ++attempt_;
  look_ = true;
  retry_at_ = c_.now;
  return {};
}

Status PushToken::forgotten() {
  look_ = true;
  return table_.set_told_to(std::nullopt);
}

Status PushToken::pump() {
  if (!look_ || !session_.authenticated() || c_.now < retry_at_) return {};
  look_ = false;
  SOTTO_TRY_ASSIGN(const auto row, table_.load());
  if (!row || row->told_to == c_.account->incarnation) return {};
  wire::Request request;
  request.mutable_set_push_token()->set_token(row->token);
  request.mutable_set_push_token()->set_at_least(row->at_least == Urgency::high ? wire::HIGH : wire::NORMAL);
  session_.request(request,
                   [this, attempt = attempt_](const wire::Response& response) { return on_answer(attempt, response); });
  return {};
}

Status PushToken::on_answer(std::uint64_t attempt, const wire::Response& response) {
  if (attempt != attempt_) return {};  // Another one was set since.
  const auto status = wire::status_of(response);
  if (!status.ok() && status.error().retryable) {
    look_ = true;
    retry_at_ = c_.now + std::max(status.error().retry_after, token_retry_wait);
    return {};
  }
  if (status.ok()) {
    SOTTO_TRY_ASSIGN(const auto row, table_.load());
    SOTTO_TRY(row && row->token.empty() ? table_.remove() : table_.set_told_to(c_.account->incarnation));
  } else {
    // Such as a relay without push: with the next connection it may be another.
    c_.log.warning("the push token was not taken: ", status.error().code);
  }
  c_.undo.emplace_back([this, waiting = waiting_] { waiting_ = waiting; });
  for (const auto& done : waiting_) c_.complete<void>(done, status);
  waiting_.clear();
  return {};
}

void PushToken::on_connection_lost() {
  look_ = true;
  ++attempt_;
  retry_at_ = {};
}

std::optional<Timestamp> PushToken::next_timer() const {
  if (!look_ || !session_.authenticated()) return std::nullopt;
  return std::max(retry_at_, c_.now);
}

void PushToken::close(const Error& why) {
  for (const auto& done : waiting_) c_.complete<void>(done, why);
  waiting_.clear();
}

}  // namespace sotto::client
