// Counts of what a run, or many runs, reached.
#pragma once

#include <array>
#include <map>
#include <string>

#include "sim/options.h"
#include "sotto/error.h"

namespace sotto::sim {

struct Coverage {
  std::array<std::uint64_t, fault_count> faults{};
  std::map<std::string, std::uint64_t> operations;
  /// Error codes that the relay answered, that operations of the app ended with, and that messages show.
  std::map<ErrorCode, std::uint64_t> errors;
  std::map<std::string, std::uint64_t> rare;
  /// What a hostile relay or member did.
  std::map<std::string, std::uint64_t> attacks;
  /// Sectors lost, writes torn and so on, by the disks.
  std::map<std::string, std::uint64_t> disks;
  std::uint64_t messages = 0;
  std::uint64_t commits = 0;
  std::uint64_t runs = 0;
  std::uint64_t virtual_ms = 0;

  void add(const Coverage& other);
  /// One number a line, as text; what was never reached is listed by name.
  [[nodiscard]] std::string report() const;
  /// A form that `parse` reads, for adding up what several processes counted.
  [[nodiscard]] std::string serialize() const;
  static Coverage parse(std::string_view text);
};

}  // namespace sotto::sim
