// What a supervisor, and a person, get told when the relay cannot start (docs/operating.md has the table).
#pragma once

#include <sotto/relay.h>

#include <string>

namespace sotto_relay {

enum ExitCode {
  exit_ok = 0,
  exit_other = 1,
  exit_usage = 2,
  exit_port = 3,
  exit_folder_in_use = 4,
  exit_certificate = 5,
  exit_newer = 6,
  exit_admin_port = 7,
  exit_not_writable = 8,
  exit_disk_full = 9,
  exit_damaged = 10,
  exit_examined = 11,
};

struct Verdict {
  ExitCode code = exit_other;
  std::string text;
};

/// Why a relay with this configuration did not start.
Verdict explain(const sotto::Error& error, const sotto::RelayConfig& config);

}  // namespace sotto_relay
