// What a run is made of. Everything that happens in it follows from these values.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sotto::sim {

/// What can go wrong, each counted by itself.
enum class Fault : std::uint8_t {
  cut,           ///< a connection ends between two frames
  cut_in_frame,  ///< … while a frame is on its way
  half_open,     ///< … and one end learns of it a minute later
  delay,         ///< frames take up to seconds
  stall_up,      ///< nothing reaches the relay for a while
  stall_down,    ///< nothing reaches the client for a while
  narrow,        ///< a link of some kilobytes a second
  kill,          ///< a client's process dies inside a storage operation
  kill_sending,  ///< … between two of the things that a step lets out
  power_cut,     ///< a client's machine dies inside a storage operation: unsynced writes are lost in part
  relay_kill,
  relay_kill_sending,
  relay_power_cut,
  relay_restart,  ///< the relay is stopped as an operator stops it
  read_error,     ///< a client's disk
  write_error,
  sync_error,
  full_disk,
  relay_read_error,
  relay_write_error,
  relay_sync_error,
  relay_full_disk,
  clock_jump,  ///< a client's clock is set
  clock_drift,
  relay_clock_jump,
  relay_clock_drift,
  slow_relay,  ///< its steps take up to seconds
  code_lost,   ///< the gateway for text messages
  code_late,
  code_repeated,
  notice_lost,  ///< the push gateway
  notice_late,
  notice_refused,  ///< … says that it could not
  count_,
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::count_);
/// Those that were there before the gateways.
inline constexpr std::size_t first_faults = static_cast<std::size_t>(Fault::code_lost);
inline constexpr std::array<std::string_view, fault_count> fault_names = {
    "cut",
    "cut_in_frame",
    "half_open",
    "delay",
    "stall_up",
    "stall_down",
    "narrow",
    "kill",
    "kill_sending",
    "power_cut",
    "relay_kill",
    "relay_kill_sending",
    "relay_power_cut",
    "relay_restart",
    "read_error",
    "write_error",
    "sync_error",
    "full_disk",
    "relay_read_error",
    "relay_write_error",
    "relay_sync_error",
    "relay_full_disk",
    "clock_jump",
    "clock_drift",
    "relay_clock_jump",
    "relay_clock_drift",
    "slow_relay",
    "code_lost",
    "code_late",
    "code_repeated",
    "notice_lost",
    "notice_late",
    "notice_refused",
};
using Faults = std::bitset<fault_count>;
inline std::string_view name_of(Fault fault) { return fault_names[static_cast<std::size_t>(fault)]; }

enum class Hostile : std::uint8_t { none, relay, member };

/// Grows with every operation or attack that is added, since each changes what a seed does.
constexpr unsigned newest_workload = 7;

struct Options {
  std::uint64_t seed = 1;
  /// Only what was there with this version, so that an old seed does what it did.
  unsigned workload = newest_workload;
  /// Of virtual time in which people do things; chosen by the seed if not given.
  std::optional<std::uint32_t> minutes;
  std::optional<std::uint32_t> devices;
  /// Kinds that may happen; chosen by the seed if not given.
  std::optional<Faults> faults;
  Hostile hostile = Hostile::none;
  /// The first so many operations are done, and the first so many faults injected; the rest is left out (`--shrink`).
  std::uint64_t most_operations = UINT64_MAX;
  std::uint64_t most_faults = UINT64_MAX;
  /// A bug of src/base/test_hooks.def to be switched on.
  std::string planted;
  /// Prints the trace as it grows.
  bool verbose = false;
};

}  // namespace sotto::sim
