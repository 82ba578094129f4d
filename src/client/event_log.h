// Reading the event log: what the rows are about, as it is now.
#pragma once

#include <vector>

#include "sotto/event_log.h"
#include "store/database.h"

namespace sotto::client {

/// At most `limit` events after a cursor. Errors: INVALID_ARGUMENT (no event was ever logged under it), CORRUPT.
Result<std::vector<LoggedEvent>> read_events(store::Database& db, EventCursor after, std::size_t limit);

}  // namespace sotto::client
