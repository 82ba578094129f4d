// `sotto-relay invite`: invitations to a relay where nobody registers without one.
#pragma once

#include <string>

#include "relay/flags.h"

namespace sotto_relay {

struct Invite {
  CLI::App* create = nullptr;
  CLI::App* list = nullptr;
  CLI::App* revoke = nullptr;
  std::uint32_t uses = 1;
  int expires_days = 7;
  /// What is revoked: an id, or the invitation's text.
  std::string which;
};

void define(CLI::App& app, Invite& invite);
/// Gives the exit code.
int run(const Invite& invite, const Flags& flags);

}  // namespace sotto_relay
