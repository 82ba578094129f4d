// What an operator does beside serving: doctor, backup, restore. Each gives the exit code.
#pragma once

#include <string>

#include "relay/flags.h"

namespace sotto_relay {

/// Prints a line for each finding; exit_examined if something keeps the relay from serving.
int examine(const Flags& flags);
int back_up(const Flags& flags, const std::string& to, sotto::RelayBackup what);
int restore(const Flags& flags, const std::string& from);

/// Says why something that is no start of the relay went wrong.
int give_up(const sotto::Error& error, const Flags& flags);

}  // namespace sotto_relay
