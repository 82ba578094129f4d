// A copy of a relay's store while it is in use, and a store made of one.
#pragma once

#include <string>

#include "base/random.h"
#include "sotto/relay.h"
#include "sotto/types.h"

namespace sotto::relay {

/// See Relay::back_up.
Result<std::string> back_up(const std::string& data_dir, const std::string& to, RelayBackup what, Timestamp now);
/// See Relay::restore.
Status restore(const std::string& from, const std::string& data_dir, Random& random);

}  // namespace sotto::relay
