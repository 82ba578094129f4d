// Checks the checker: each bug of src/base/test_hooks.def is switched on until a run finds it.
#pragma once

#include <cstdint>
#include <string>

namespace sotto::sim {

/// Prints a table "rule broken → found by → seeds needed". False if one was not found within `most` seeds of each kind:
/// honest people, a hostile member, a hostile relay. Each with the workload that it came with; `only`: but one of them.
bool find_plants(std::uint64_t first_seed, std::uint64_t most, const std::string& only = {});

}  // namespace sotto::sim
