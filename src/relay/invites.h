// Invitations as an operator makes them, beside a relay that may be running: its store takes a second writer for a
// moment, and the relay reads an invitation anew each time it is shown.
#pragma once

#include "base/random.h"
#include "sotto/relay.h"
#include "sotto/types.h"
#include "store/database.h"

namespace sotto::relay {

/// As the functions of `Relay` say. `options` for a store that is not on the system's VFS.
Result<std::string> create_invite(const std::string& data_dir, std::uint32_t uses, std::chrono::hours lifetime,
                                  Random& random, Timestamp now, const store::OpenOptions& options = {});
Result<std::vector<RelayInvite>> list_invites(const std::string& data_dir);
Status revoke_invite(const std::string& data_dir, const std::string& name, const store::OpenOptions& options = {});

}  // namespace sotto::relay
