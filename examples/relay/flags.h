// What may be set, by flag, environment or file.
#pragma once

#include <sotto/relay.h>

#include <CLI/CLI.hpp>
#include <string>

namespace sotto_relay {

struct Flags {
  sotto::RelayConfig relay;
  std::string log_level = "info";
  int entry_lifetime_days = 30;
  std::string push_token_file;
  std::string registration = "open";
  /// How codes leave: "log" or "webhook".
  std::string code_sender;
  std::string code_token_file;
  int code_resend_seconds = 60;
  bool dev = false;
};

/// All options; they also stand behind a subcommand.
void define(CLI::App& app, Flags& flags);

/// What follows from the flags. False: no folder is named, or a file of a token cannot be read, which was said.
bool complete(Flags& flags);

}  // namespace sotto_relay
