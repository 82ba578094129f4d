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
  /// Whether the wish ends the account: then nothing is left, and nobody comes online any more.
  bool leaves = false;
};

/// What is sent and received as an attachment.
Bytes scenario_picture();

/// Registering, sending and receiving, also attachments, joining, following a commit, committing, creating, reading,
/// showing a profile, logging out and erasing, deleting the account. Made on the first call.
const std::vector<Scenario>& scenarios();

}  // namespace sotto::test
