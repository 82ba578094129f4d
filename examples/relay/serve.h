// The relay as a server: from its start to its orderly end.
#pragma once

#include "relay/flags.h"

namespace sotto_relay {

/// Serves until SIGTERM or SIGINT, and then drains; a second one ends the process at once. SIGHUP reads the certificate
/// again. Gives the exit code.
int serve(Flags& flags);

}  // namespace sotto_relay
