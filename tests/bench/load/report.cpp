#include "load/report.h"

#include <sys/utsname.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace sotto::bench {

namespace {

std::string number(double value) {
  char text[32];
  const double size = std::fabs(value);
  std::snprintf(text, sizeof text, size >= 100 ? "%.0f" : size >= 1 ? "%.2f" : "%.3f", value);
  return text;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Figures medians(const std::vector<Figures>& runs) {
  Figures out;
  for (std::size_t i = 0; i < runs.front().size(); ++i) {
    std::vector<double> values;
    for (const auto& run : runs) values.push_back(run.at(i).second);
    out.emplace_back(runs.front()[i].first, median(values));
  }
  return out;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

Report::Row& Report::row(const std::string& scenario, const std::string& system) {
  for (auto& one : rows_) {
    if (one.scenario == scenario && one.system == system) return one;
  }
  return rows_.emplace_back(Row{scenario, system, {}});
}

void Report::add(const std::string& scenario, const std::string& system, const Figures& figures) {
  row(scenario, system).runs.push_back(figures);
  std::printf("%-12s %-18s", scenario.c_str(), system.c_str());
  for (const auto& [name, value] : figures) std::printf("  %s %s", name.c_str(), number(value).c_str());
  std::printf("\n");
  std::fflush(stdout);
}

void Report::leave_out(const std::string& scenario, const std::string& system, const std::string& why) {
  left_out_[{scenario, system}] = why;
  std::printf("%-12s %-18s  left out: %s\n", scenario.c_str(), system.c_str(), why.c_str());
  std::fflush(stdout);
}

std::string Report::table(const std::string& own) const {
  std::string out;
  std::set<std::string> done;
  for (const auto& first : rows_) {
    if (!done.insert(first.scenario).second) continue;
    double of_own = 0;
    for (const auto& one : rows_) {
      if (one.scenario == first.scenario && one.system == own) of_own = medians(one.runs).front().second;
    }
    const auto columns = medians(first.runs);
    out += "\n" + first.scenario + "\n\n| system | runs |";
    for (const auto& column : columns) out += " " + column.first + " |";
    out += " ours / theirs |\n| --- | --- |";
    for (std::size_t i = 0; i < columns.size(); ++i) out += " ---: |";
    out += " ---: |\n";
    for (const auto& one : rows_) {
      if (one.scenario != first.scenario) continue;
      const auto values = medians(one.runs);
      out += "| " + one.system + " | " + std::to_string(one.runs.size()) + " |";
      for (const auto& value : values) out += " " + number(value.second) + " |";
      out += " " + (of_own > 0 && values.front().second > 0 ? number(of_own / values.front().second) : "") + " |\n";
    }
  }
  if (!left_out_.empty()) out += "\nLeft out:\n\n";
  for (const auto& [what, why] : left_out_) out += "- " + what.first + ", " + what.second + ": " + why + "\n";
  return out;
}

std::string Report::json() const {
  nlohmann::json out;
  utsname system{};
  ::uname(&system);
  out["machine"] = {{"processor", processor()},
                    {"cores", std::thread::hardware_concurrency()},
                    {"kernel", std::string(system.sysname) + " " + system.release}};
  for (const auto& one : rows_) {
    for (const auto& run : one.runs) {
      nlohmann::json figures;
      for (const auto& [name, value] : run) figures[name] = value;
      out["runs"].push_back({{"scenario", one.scenario}, {"system", one.system}, {"figures", figures}});
    }
  }
  for (const auto& [what, why] : left_out_) {
    out["left_out"].push_back({{"scenario", what.first}, {"system", what.second}, {"why", why}});
  }
  return out.dump(2) + "\n";
}

}  // namespace sotto::bench
