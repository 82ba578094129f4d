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
  /// What was not measured, and why.
  void leave_out(const std::string& scenario, const std::string& system, const std::string& why);
  /// Medians over the runs of each scenario and system, with the ratio to `own` of what the first column says; and what
  /// was left out.
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
  /// By scenario and system: why.
  std::map<std::pair<std::string, std::string>, std::string> left_out_;
};

}  // namespace sotto::bench
