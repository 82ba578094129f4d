#include "sim/simulate.h"

#include "sim/world.h"

namespace sotto::sim {

Report simulate(const Options& options) {
  Report report;
  World world(options);
  try {
    world.run();
  } catch (const Violation& violation) {
    report.violation = violation;
    world.trace("VIOLATED", violation.invariant + ": " + violation.detail);
  }
  report.trace = world.the_trace().hash();
  report.tail.assign(world.the_trace().tail().begin(), world.the_trace().tail().end());
  report.coverage = world.coverage();
  report.devices = static_cast<std::uint32_t>(world.devices().size());
  report.minutes = world.minutes();
  report.faults = world.faults();
  report.operations = world.operations_done();
  report.faults_injected = world.faults_injected();
  return report;
}

std::string command_line(const Options& options) {
  std::string out = "sotto_sim --seed " + std::to_string(options.seed);
  if (options.workload != newest_workload) out += " --workload " + std::to_string(options.workload);
  if (options.minutes) out += " --minutes " + std::to_string(*options.minutes);
  if (options.devices) out += " --devices " + std::to_string(*options.devices);
  if (options.faults) {
    std::string list;
    for (std::size_t i = 0; i < fault_count; ++i) {
      if (options.faults->test(i)) list += (list.empty() ? "" : ",") + std::string(fault_names[i]);
    }
    out += " --faults " + (list.empty() ? "none" : list);
  }
  if (options.hostile != Hostile::none) {
    out += options.hostile == Hostile::relay ? " --hostile relay" : " --hostile member";
  }
  if (options.most_operations != UINT64_MAX) out += " --operations " + std::to_string(options.most_operations);
  if (options.most_faults != UINT64_MAX) out += " --most-faults " + std::to_string(options.most_faults);
  if (!options.planted.empty()) out += " --plant " + options.planted;
  return out;
}

Options shrink(const Options& options, const Report& report, const std::function<void(const std::string&)>& progress) {
  Options best = options;
  best.verbose = false;
  best.devices = report.devices;
  best.minutes = report.minutes;
  best.faults = report.faults;
  best.most_operations = std::min(best.most_operations, report.operations);
  best.most_faults = std::min(best.most_faults, report.faults_injected);
  const auto breaks = [&](const Options& candidate) {
    const auto again = simulate(candidate);
    if (!again.violation || again.violation->invariant != report.violation->invariant) return false;
    best = candidate;
    best.most_operations = std::min(best.most_operations, again.operations);
    best.most_faults = std::min(best.most_faults, again.faults_injected);
    progress(command_line(best));
    return true;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    while (*best.devices > 1) {
      auto next = best;
      --*next.devices;
      if (!breaks(next)) break;
      smaller = true;
    }
    while (*best.minutes > 1) {
      auto next = best;
      *next.minutes = std::max(1U, *next.minutes / 2);
      if (!breaks(next)) break;
      smaller = true;
    }
    for (std::size_t i = 0; i < fault_count; ++i) {
      if (!best.faults->test(i)) continue;
      auto next = best;
      next.faults->reset(i);
      smaller = breaks(next) || smaller;
    }
    for (const auto count : {&Options::most_faults, &Options::most_operations}) {
      for (auto step = best.*count; step > 0; step /= 2) {
        while (best.*count >= step) {
          auto next = best;
          next.*count -= step;
          if (!breaks(next)) break;
          smaller = true;
        }
      }
    }
  }
  return best;
}

}  // namespace sotto::sim
