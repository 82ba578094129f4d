// Migration 2 of the client's store: which key packages the relay is known to have.
#pragma once

#include <string_view>

namespace sotto::client::migrations {

inline constexpr std::string_view m0002_published = R"sql(
-- 0: sent perhaps, but not confirmed; exactly these are sent again. What was there before is taken as confirmed.
ALTER TABLE key_package ADD COLUMN published INTEGER NOT NULL DEFAULT 1;
CREATE INDEX key_package_unpublished ON key_package(ref) WHERE published = 0;
)sql";

}  // namespace sotto::client::migrations
