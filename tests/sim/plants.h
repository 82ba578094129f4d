// Checks the checker: each bug of src/base/test_hooks.def is switched on until a run finds it.
#pragma once

#include <cstdint>

namespace sotto::sim {

/// Prints a table "rule broken → found by → seeds needed". False if one was not found within `most` seeds of each kind:
/// honest people, a hostile member, a hostile relay.
bool find_plants(std::uint64_t first_seed, std::uint64_t most, unsigned workload);

}  // namespace sotto::sim
