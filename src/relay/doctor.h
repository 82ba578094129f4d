// Looks at what a relay needs of its machine, before it is asked to serve.
#pragma once

#include <vector>

#include "sotto/relay.h"

namespace sotto::relay {

/// See Relay::examine.
std::vector<RelayFinding> examine(const RelayConfig& config);

}  // namespace sotto::relay
