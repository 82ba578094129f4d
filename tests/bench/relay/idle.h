// Memory of connections that do nothing.
#pragma once

#include "load/figures.h"
#include "relay/user.h"

namespace sotto::bench {

/// So many devices connect with this version of TLS, authenticate as their main connection, and wait.
Figures idle_connections(RelayProcess& relay, std::size_t count, TlsVersion version);

}  // namespace sotto::bench
