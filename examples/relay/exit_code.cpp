#include "relay/exit_code.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace sotto_relay {

namespace {

/// Why the folder does not take a file, as errno; 0 if it does. The library says no more than that something with the
/// disk went wrong.
int trouble_with(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return error.value();
  std::string path = folder + "/.try-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) return errno;
  static constexpr std::array<char, 64 * 1024> some{};
  const int why = write(file, some.data(), some.size()) == static_cast<ssize_t>(some.size()) ? 0 : ENOSPC;
  close(file);
  unlink(path.c_str());
  return why;
}

std::string place(const std::string& address, std::uint16_t port) {
  return "port " + std::to_string(port) + " on " + address;
}

}  // namespace

Verdict explain(const sotto::Error& error, const sotto::RelayConfig& config) {
  const std::string folder = "the data folder " + config.data_dir;
  switch (error.code) {
    case sotto::ErrorCode::ADDRESS_IN_USE:
      if (error.message.starts_with("admin port")) {
        return {exit_admin_port, "the admin port is taken: " + place(config.admin_address, *config.admin_port)};
      }
      return {exit_port, place(config.bind_address, config.port) + " is taken"};
    case sotto::ErrorCode::IN_USE:
      return {exit_folder_in_use, folder + " is in use by another process"};
    case sotto::ErrorCode::TLS_FAILED:
      return {exit_certificate, "certificate or key cannot be used: " + error.message};
    case sotto::ErrorCode::NEWER_SCHEMA:
      return {exit_newer, folder + " was written by a newer version"};
    case sotto::ErrorCode::CORRUPT:
      return {exit_damaged, folder + " holds a damaged store, or one of another program: " + error.message};
    case sotto::ErrorCode::DISK_FULL:
      return {exit_disk_full, "the disk of " + folder + " is full"};
    case sotto::ErrorCode::IO_ERROR: {
      const int why = trouble_with(config.data_dir);
      if (why == ENOSPC || why == EDQUOT) return {exit_disk_full, "the disk of " + folder + " is full"};
      if (why != 0) {
        return {exit_not_writable, folder + " cannot be written: " + std::generic_category().message(why)};
      }
      break;
    }
    case sotto::ErrorCode::INVALID_ARGUMENT:
      return {exit_usage, error.message};
    default:
      break;
  }
  return {exit_other, std::string(sotto::error_name(error.code)) + ": " + error.message};
}

}  // namespace sotto_relay
