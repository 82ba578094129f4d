// Tells systemd how far the relay is (Type=notify), without its library; see sd_notify(3) for the protocol.
#pragma once

#include <string>

namespace sotto_relay {

/// "READY=1", "STOPPING=1", "STATUS=…". Does nothing where nobody asks for it; nobody waits for it, so errors are
/// ignored.
void notify(const std::string& state);

}  // namespace sotto_relay
