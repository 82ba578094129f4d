// One run from its options to its result.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/coverage.h"
#include "sim/options.h"
#include "sim/trace.h"

namespace sotto::sim {

struct Report {
  std::string trace;
  std::optional<Violation> violation;
  std::vector<std::string> tail;
  Coverage coverage;
  // What the run had, for `shrink`.
  std::uint32_t devices = 0;
  std::uint32_t minutes = 0;
  Faults faults;
  std::uint64_t operations = 0;
  std::uint64_t faults_injected = 0;
};

Report simulate(const Options& options);

/// The smallest options that it finds under which the same invariant breaks: fewer devices, less time, fewer kinds of
/// faults, fewer faults and operations. Calls `progress` with what it has so far.
Options shrink(const Options& options, const Report& report, const std::function<void(const std::string&)>& progress);

/// The command line that repeats a run.
std::string command_line(const Options& options);

}  // namespace sotto::sim
