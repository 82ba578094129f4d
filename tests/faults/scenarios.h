// What a device does while something of its machine fails.
#pragma once

#include "faults/stage.h"

namespace sotto::test {

struct Scenario {
  std::string name;
  Scene scene;
  /// What the app asks for once the device is online; without: the device comes online and receives.
  Wish wish;
  /// Else the store is empty, and the wish is an account.
  bool has_account = true;
};

/// What is sent and received as an attachment.
Bytes scenario_picture();

/// Registering, sending and receiving, also attachments, joining, following a commit, committing, creating. Made on the
/// first call.
const std::vector<Scenario>& scenarios();

}  // namespace sotto::test
