// The real relay core, fed by a hostile client among honest ones: the input is a program of small acts. Whatever comes,
// an honest pair can talk on, nobody gets what is not owed, and what comes out is bounded.
#include "relay_attack.h"

using namespace sotto::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static RelaySetting setting;
  FuzzedDataProvider input(data, size);
  RelayAttack(setting, input).run();
  return 0;
}
