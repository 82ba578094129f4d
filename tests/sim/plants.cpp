#include "sim/plants.h"

#include <array>
#include <iostream>

#include "base/test_hooks.h"
#include "sim/simulate.h"

namespace sotto::sim {

#ifdef SOTTO_TEST_HOOKS

namespace {

struct Description {
  unsigned workload;
  std::string_view name;
  std::string_view what;
};
constexpr std::array descriptions = {
#define SOTTO_PLANT(since, name, what) Description{since, #name, what},
#include "base/test_hooks.def"
};

bool find(const Description& plant, std::uint64_t first_seed, std::uint64_t most) {
  std::uint64_t tried = 0;
  for (std::uint64_t i = 0; i < most; ++i) {
    for (const auto hostile : {Hostile::none, Hostile::member, Hostile::relay}) {
      Options options;
      options.seed = first_seed + i;
      options.hostile = hostile;
      options.workload = plant.workload;
      options.planted = plant.name;
      ++tried;
      const auto report = simulate(options);
      if (!report.violation) continue;
      std::cout << "| " << plant.what << " (`" << plant.name << "`) | " << report.violation->invariant << " | " << tried
                << " |" << std::endl;
      return true;
    }
  }
  std::cout << "NOT FOUND within " << tried << " seeds: " << plant.what << " (" << plant.name << ")" << std::endl;
  return false;
}

}  // namespace

bool find_plants(std::uint64_t first_seed, std::uint64_t most, const std::string& only) {
  std::cout << "| rule broken | found by | seeds needed |\n| --- | --- | --- |\n";
  bool all = true;
  for (const auto& plant : descriptions) {
    if (only.empty() || plant.name == only) all = find(plant, first_seed, most) && all;
  }
  return all;
}

#else

bool find_plants(std::uint64_t, std::uint64_t, const std::string&) {
  std::cout << "no bugs are planted in a build without SOTTO_TEST_HOOKS\n";
  return false;
}

#endif

}  // namespace sotto::sim
