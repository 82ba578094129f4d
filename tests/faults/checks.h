// What must hold after any fault, and what an app does then.
#pragma once

#include "faults/scenarios.h"

namespace sotto::test {

/// IO_ERROR, DISK_FULL, OUT_OF_MEMORY.
bool is_storage_error(const Error& error);

/// A disk with the scene's files.
std::unique_ptr<sim::Disk> disk_of(const Scene& scene, std::uint64_t seed);

/// The app asks for what the scenario is about.
std::shared_ptr<Call> call(Stage& stage, const Scenario& scenario);
void open_without_faults(Stage& stage);

/// The engine's memory is what its store says.
void check_memory(Stage& stage);

/// The fault is over: what was asked for is done, or answered with what the storage said, and is asked for again.
/// `first` is null if nothing was.
void finish(Stage& stage, const Scenario& scenario, const Call* first);

/// Everything ends as if nothing had happened, and the relay owes nothing any more.
std::string end_of(Stage& stage, const Scenario& scenario);

/// How the scenario ends without a fault.
std::string end_without_faults(const Scenario& scenario);

/// Calls `run(n)` for n = 1, 1 + step, … until it says that the nth never came; the last of those that came.
template <typename Run>
std::uint64_t for_every_n(Run&& run, std::uint64_t step = 1) {
  std::uint64_t n = 1;
  while (run(n)) n += step;
  return n == 1 ? 0 : n - step;
}

}  // namespace sotto::test
