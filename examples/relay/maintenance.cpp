#include "relay/maintenance.h"

#include <cstdio>

#include "relay/exit_code.h"

namespace sotto_relay {

int give_up(const sotto::Error& error, const Flags& flags) {
  auto verdict = explain(error, flags.relay);
  switch (error.code) {
    case sotto::ErrorCode::NOT_FOUND:
    case sotto::ErrorCode::ALREADY_EXISTS:
      verdict = {exit_usage, error.message};
      break;
    case sotto::ErrorCode::IO_ERROR:
      verdict = {exit_not_writable, error.message};
      break;
    case sotto::ErrorCode::DISK_FULL:
    case sotto::ErrorCode::CORRUPT:
      verdict.text = error.message;
      break;
    case sotto::ErrorCode::NEWER_SCHEMA:
      verdict.text = "the store was written by a newer version";
      break;
    default:
      break;
  }
  std::fprintf(stderr, "sotto-relay: %s\n", verdict.text.c_str());
  return verdict.code;
}

int examine(const Flags& flags) {
  int code = exit_ok;
  for (const auto& finding : sotto::Relay::examine(flags.relay)) {
    static constexpr const char* words[] = {"OK  ", "WARN", "FAIL"};
    if (finding.verdict == sotto::RelayFinding::Verdict::fail) code = exit_examined;
    std::printf("%s %s: %s\n", words[static_cast<int>(finding.verdict)], finding.what.c_str(), finding.found.c_str());
  }
  return code;
}

int back_up(const Flags& flags, const std::string& to, sotto::RelayBackup what) {
  const auto file = sotto::Relay::back_up(flags.relay.data_dir, to, what);
  if (!file.ok()) return give_up(file.error(), flags);
  std::printf("%s\n", file->c_str());
  return exit_ok;
}

int restore(const Flags& flags, const std::string& from) {
  const auto done = sotto::Relay::restore(from, flags.relay.data_dir);
  if (!done.ok()) return give_up(done.error(), flags);
  std::printf("restored %s\n", flags.relay.data_dir.c_str());
  return exit_ok;
}

}  // namespace sotto_relay
