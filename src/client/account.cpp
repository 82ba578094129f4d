#include "client/account.h"

#include <algorithm>

#include "base/try.h"
#include "wire/frame.h"

namespace sotto::client {

namespace {
constexpr std::chrono::seconds answer_in{30};
}  // namespace

Status AccountRequests::on_command(const AskCommand& command) {
  const auto id = next_++;
  c_.undo.emplace_back([this, id] { waiting_.erase(id); });
  waiting_[id] = {command, c_.now + answer_in, false};
  return {};
}

void AccountRequests::end(std::uint64_t id, const Result<void>& result) {
  auto node = waiting_.extract(id);
  if (node.empty()) return;
  c_.undo.emplace_back([this, id, asked = node.mapped()] { waiting_[id] = asked; });
  c_.complete<void>(node.mapped().command.done, result);
}

void AccountRequests::pump() {
  // Ids grow, so the first one waits longest.
  while (!waiting_.empty() && c_.now >= waiting_.begin()->second.deadline) {
    end(waiting_.begin()->first, Error(ErrorCode::UNAVAILABLE, "the relay could not be asked in time"));
  }
  if (!session_.authenticated()) return;
  for (auto& [id, asked] : waiting_) {
    if (asked.sent) continue;
    asked.sent = true;
    session_.request(asked.command.request, [this, id = id](const wire::Response& response) {
      const auto status = wire::status_of(response);
      end(id, status.ok() ? Result<void>() : Result<void>(status.error()));
      return Status{};
    });
  }
}

void AccountRequests::on_connection_lost() {
  for (auto& [id, asked] : waiting_) asked.sent = false;
}

Status AccountRequests::on_notice(const wire::HandleNotice& notice) {
  auto& account = *c_.account;
  if (notice.handle() != account.handle) return {};
  constexpr std::uint64_t most = 1ULL << 52;
  const auto moves_at = notice.moved() ? 0 : static_cast<std::int64_t>(std::min(notice.moves_at(), most));
  // The relay says it at each connection; the app hears of it once.
  if (moves_at == account.handle_moves_at && notice.moved() == account.handle_moved) return {};
  SOTTO_TRY(c_.accounts.set_handle(moves_at, notice.moved()));
  account.handle_moves_at = moves_at;
  account.handle_moved = notice.moved();
  HandleClaimed event{account.handle, std::nullopt, notice.moved()};
  if (moves_at != 0) event.moves_at = Timestamp(std::chrono::milliseconds(moves_at));
  c_.emit(std::move(event));
  return {};
}

std::optional<Timestamp> AccountRequests::next_timer() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->second.deadline;
}

void AccountRequests::set_clock_back(std::chrono::milliseconds by) {
  for (auto& [id, asked] : waiting_) asked.deadline -= by;
}

void AccountRequests::close(const Error& why) {
  for (const auto& [id, asked] : waiting_) c_.complete<void>(asked.command.done, why);
  waiting_.clear();
}

}  // namespace sotto::client
