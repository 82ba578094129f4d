// All of a chat as a device's store has it, page by page as an app reads it.
#pragma once

#include <algorithm>

#include "base/try.h"
#include "client/tables/message_table.h"

namespace sotto::test {

/// Oldest first.
inline Result<std::vector<Message>> whole_history(store::Database& db, const ChatId& chat) {
  client::MessageTable table(db);
  std::vector<Message> out;
  std::optional<std::int64_t> before;
  for (;;) {
    SOTTO_TRY_ASSIGN(const auto page, table.page(chat, before, 200));
    if (page.empty()) break;
    before = page.back().position;
    out.insert(out.end(), page.begin(), page.end());
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace sotto::test
