// Decisions of a run, from the seed. Each part of the simulator has dice of its own, so that leaving out what one of
// them decides changes as little as possible of the rest.
#pragma once

#include <vector>

#include "base/random.h"

namespace sotto::sim {

class Dice final : public Random {
 public:
  Dice(std::uint64_t seed, std::uint64_t part) : random_(seed * 0x9E3779B97F4A7C15ULL + part * 0xD1B54A32D192ED03ULL) {}

  void fill(std::span<std::uint8_t> out) override { random_.fill(out); }
  /// Both ends included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool chance(std::uint64_t in, std::uint64_t of) { return below(of) < in; }
  /// Mostly short, sometimes up to `most`: the exponent is uniform.
  std::uint64_t skewed(std::uint64_t least, std::uint64_t most) {
    auto top = least;
    while (top < most && chance(2, 3)) top = std::min(most, top * 3 + 1);
    return between(least, top);
  }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }

 private:
  SeededRandom random_;
};

}  // namespace sotto::sim
