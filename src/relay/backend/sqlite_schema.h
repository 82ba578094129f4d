// The relay's tables. A migration is never edited after a release.
#pragma once

#include <span>

#include "store/migrations.h"

namespace sotto::relay {

/// "SoRe", in the file's header.
inline constexpr std::int32_t sqlite_application_id = 0x536F5265;

std::span<const store::Migration> sqlite_migrations();

}  // namespace sotto::relay
