// What a relay's store has of its logs, read from its tables.
#pragma once

#include <map>

#include "base/ids.h"
#include "store/database.h"

namespace sotto::sim {

using StoredEntries = std::map<ChatId, std::map<std::uint64_t, Bytes>>;

/// Entries with rows of their own, and those in segments that were not trimmed. Fails the run if something is damaged.
StoredEntries stored_entries(store::Database& db);

}  // namespace sotto::sim
