// The commands by name.
#pragma once

#include <string>

#include "rpc/fields.h"
#include "rpc/peer.h"

namespace rpc {

/// One command on its way.
struct Call {
  Service& service;
  Peer& peer;
  Fields fields;
  Reply reply;

  sotto::Client& client() { return service.client(); }
  /// Answers if a field is wrong; then nothing is carried out.
  bool refused() {
    const auto problem = fields.problem();
    if (problem) reply.error(*problem);
    return problem.has_value();
  }
};

using Handler = void (*)(Call&);

/// Null if there is no such command.
Handler find_command(const std::string& name);

}  // namespace rpc
