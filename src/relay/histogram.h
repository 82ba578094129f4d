// How often a measured value was how large.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace sotto::relay {

class Histogram {
 public:
  /// `bounds`: upper bounds, ascending and inclusive, of static storage; what is above the last is counted, too.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value) {
    ++counts_[static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin())];
    sum_ += value;
  }

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  /// One for each bound, and one for what is above; not cumulative.
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

/// Seconds, from a fast disk's sync to what nobody waits for any more.
inline constexpr double seconds_bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                            0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
/// Writes in one transaction.
inline constexpr double batch_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10'000};

}  // namespace sotto::relay
