#include "client/account.h"

#include <algorithm>

#include "base/try.h"
#include "wire/frame.h"

namespace sotto::client {

void AccountRequests::pump() {
  queries_.end_late();
  if (!session_.authenticated()) return;
  queries_.ask([this](std::uint64_t id, const AskCommand& command) {
    session_.request(command.request, [this, id](const wire::Response& response) {
      queries_.end(id, wire::status_of(response));
      return Status{};
    });
  });
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

}  // namespace sotto::client
