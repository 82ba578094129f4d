// Migration 9 of the client's store: the urgency of a message whose attachments are on their way. Never edited.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0009_urgency = R"sql(
ALTER TABLE attachment ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;  -- Urgency of an own message that is not ready
)sql";

}  // namespace sotto::client::migrations
