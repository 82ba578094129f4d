// A message to a whole group.
#pragma once

#include "load/figures.h"
#include "relay/user.h"

namespace sotto::bench {

/// So many members, all online, and so many messages a second, by each member in turn. A message has arrived when the
/// last of the others has it.
Figures group_messages(RelayProcess& relay, std::size_t members, double rate, double seconds);

}  // namespace sotto::bench
