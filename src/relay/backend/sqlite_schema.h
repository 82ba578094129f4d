// The relay's tables. A migration is never edited after a release.
#pragma once

#include <span>
#include <string>

#include "store/migrations.h"

namespace sotto::relay {

/// "SoRe", in the file's header.
inline constexpr std::int32_t sqlite_application_id = 0x536F5265;

std::span<const store::Migration> sqlite_migrations();

/// For a file that is not to be migrated now. CORRUPT (not of this application, with the path), or NEWER_SCHEMA.
Status check_schema(store::Database& db, const std::string& path, std::span<const store::Migration> migrations,
                    std::int32_t application_id);

}  // namespace sotto::relay
