// sotto_sim: runs of the whole system from a seed. See docs/reliability.md.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <random>

#include "sim/plants.h"
#include "sim/simulate.h"

namespace {

using namespace sotto::sim;

std::optional<Faults> parse_faults(const std::string& list) {
  Faults out;
  if (list == "none") return out;
  if (list == "all") return out.set();
  std::istringstream in(list);
  std::string name;
  while (std::getline(in, name, ',')) {
    bool known = false;
    for (std::size_t i = 0; i < fault_count; ++i) {
      if (fault_names[i] == name) {
        out.set(i);
        known = true;
      }
    }
    if (!known) return std::nullopt;
  }
  return out;
}

void tell(const Options& options, const Report& report) {
  std::cout << "\nVIOLATED: " << report.violation->invariant << "\n  " << report.violation->detail << "\n";
  std::cout << "repeat it: " << command_line(options)
            << "\n";  // first: whoever shows a part of the output may cut the end
  std::cout << "the end of the trace:\n";
  for (const auto& line : report.tail) std::cout << "  " << line << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Simulates clients and a relay, with every fault, from a seed.");
  Options options;
  std::uint64_t seeds = 1;
  double seconds = 0;
  bool fresh = false;
  bool shrinks = false;
  bool quiet = false;
  bool every_fault = false;
  std::string fault_list;
  std::string hostile;
  std::string counts_file;
  std::vector<std::string> sum_files;
  std::uint64_t stride = 1;
  std::uint64_t plants = 0;
  app.add_option("--seed", options.seed, "The first seed");
  app.add_flag("--fresh", fresh, "Begins at a seed that nobody has seen");
  app.add_option("--seeds", seeds, "How many seeds, one after the other");
  app.add_option("--stride", stride, "From one seed to the next");
  app.add_option("--time", seconds, "Seconds after which no new seed is begun (in place of --seeds)");
  app.add_option("--workload", options.workload, "Only operations that were there with this version")
      ->check(CLI::Range(1U, newest_workload));
  app.add_option("--minutes", options.minutes, "Virtual minutes of a run; else the seed chooses");
  app.add_option("--devices", options.devices, "Devices; else the seed chooses")->check(CLI::Range(1, 100));
  app.add_option("--faults", fault_list,
                 "Kinds that may happen, with commas between; none; all; else the seed chooses");
  app.add_option("--hostile", hostile, "relay or member")->check(CLI::IsMember({"relay", "member"}));
  app.add_option("--operations", options.most_operations, "Only the first so many operations");
  app.add_option("--most-faults", options.most_faults, "Only the first so many faults");
  app.add_option("--plant", options.planted, "Switches a bug of src/base/test_hooks.def on");
  app.add_flag("--shrink", shrinks, "Looks for a smaller run that breaks the same invariant");
  app.add_flag("--verbose", options.verbose, "Prints the trace as it grows");
  app.add_flag("--every-fault", every_fault, "Fails if a kind of fault never fired in these seeds");
  app.add_flag("--quiet", quiet, "Prints no counts");
  app.add_option("--counts", counts_file, "Writes the counts to this file");
  app.add_option("--sum", sum_files, "Prints the sum of such files, and does nothing else");
  app.add_option("--find-plants", plants, "Switches each such bug on, for at most so many seeds of each kind");
  CLI11_PARSE(app, argc, argv);
  if (plants > 0) return find_plants(options.seed, plants, options.planted) ? 0 : 1;

  if (!sum_files.empty()) {
    Coverage sum;
    for (const auto& name : sum_files) {
      std::ifstream in(name);
      sum.add(Coverage::parse(std::string(std::istreambuf_iterator<char>(in), {})));
    }
    std::cout << sum.report();
    return 0;
  }
  if (!fault_list.empty()) {
    options.faults = parse_faults(fault_list);
    if (!options.faults) {
      std::cerr << "no such fault in: " << fault_list << "\n";
      return 2;
    }
  }
  if (!hostile.empty()) options.hostile = hostile == "relay" ? Hostile::relay : Hostile::member;
  if (fresh) options.seed = std::random_device{}() * 1'000'000ULL;

  const auto begun = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(); };
  Coverage sum;
  std::string trace;
  const auto finish = [&] {
    if (!counts_file.empty()) std::ofstream(counts_file) << sum.serialize();
    if (!quiet) std::cout << sum.report() << "real seconds: " << elapsed() << "\n";
  };
  for (std::uint64_t i = 0; seconds > 0 ? elapsed() < seconds : i < seeds; ++i, options.seed += stride) {
    const auto report = simulate(options);
    sum.add(report.coverage);
    trace = report.trace;
    if (!report.violation) continue;
    finish();
    tell(options, report);
    if (shrinks) {
      const auto small =
          shrink(options, report, [](const std::string& line) { std::cout << "smaller: " << line << std::endl; });
      tell(small, simulate(small));
    }
    std::cout << "trace: " << report.trace << "\n";
    return 1;
  }
  finish();
  bool complete = true;
  for (std::size_t i = 0; every_fault && i < fault_count; ++i) {
    if (sum.faults[i] != 0) continue;
    std::cout << "this fault never fired: " << fault_names[i] << "\n";
    complete = false;
  }
  std::cout << "trace: " << trace << "\n";
  return complete ? 0 : 1;
}
