// What a scenario found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sotto::bench {

/// Named numbers, in the order of a table's columns.
using Figures = std::vector<std::pair<std::string, double>>;

/// In seconds.
class Latencies {
 public:
  void add(double seconds) { all_.push_back(seconds); }
  [[nodiscard]] std::size_t count() const { return all_.size(); }
  /// The value that this part of all is not above.
  double quantile(double part) {
    if (all_.empty()) return 0;
    const auto at = std::min(all_.size() - 1, static_cast<std::size_t>(part * static_cast<double>(all_.size())));
    std::nth_element(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(at), all_.end());
    return all_[at];
  }
  void add_to(Figures& figures) {
    figures.emplace_back("p50_ms", quantile(0.5) * 1e3);
    figures.emplace_back("p99_ms", quantile(0.99) * 1e3);
    figures.emplace_back("p99.9_ms", quantile(0.999) * 1e3);
  }

 private:
  std::vector<double> all_;
};

}  // namespace sotto::bench
