// Collects what was measured, and tells it: a table of medians for people, every single run as JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "load/figures.h"

namespace sotto::bench {

class Report {
 public:
  /// Prints the run as it comes, too.
  void add(const std::string& scenario, const std::string& system, const Figures& figures);
  /// Medians over the runs of each scenario and system, with the ratio to `own` of what the first column says.
  [[nodiscard]] std::string table(const std::string& own) const;
  /// With the machine it ran on.
  [[nodiscard]] std::string json() const;

 private:
  struct Row {
    std::string scenario;
    std::string system;
    std::vector<Figures> runs;
  };
  Row& row(const std::string& scenario, const std::string& system);
  std::vector<Row> rows_;
};

}  // namespace sotto::bench
