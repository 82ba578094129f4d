#include "sim/coverage.h"

#include <array>
#include <sstream>

namespace sotto::sim {

namespace {

constexpr std::array all_codes = {
#define SOTTO_ERROR(name, number, retryable, text) ErrorCode::name,
#include "sotto/error_codes.def"
#undef SOTTO_ERROR
};

template <typename Map>
void add_map(Map& to, const Map& from) {
  for (const auto& [key, count] : from) to[key] += count;
}

void list(std::ostringstream& out, const char* title, const std::map<std::string, std::uint64_t>& counts) {
  out << title << "\n";
  for (const auto& [name, count] : counts) {
    if (count > 0) out << "  " << count << "  " << name << "\n";
  }
  std::string never;
  for (const auto& [name, count] : counts) {
    if (count == 0) never += (never.empty() ? "" : ", ") + name;
  }
  if (!never.empty()) out << "  never: " << never << "\n";
}

}  // namespace

void Coverage::add(const Coverage& other) {
  for (std::size_t i = 0; i < fault_count; ++i) faults[i] += other.faults[i];
  add_map(operations, other.operations);
  add_map(errors, other.errors);
  add_map(rare, other.rare);
  add_map(attacks, other.attacks);
  add_map(disks, other.disks);
  messages += other.messages;
  commits += other.commits;
  runs += other.runs;
  virtual_ms += other.virtual_ms;
}

std::string Coverage::report() const {
  std::ostringstream out;
  std::uint64_t all_operations = 0;
  for (const auto& [name, count] : operations) all_operations += count;
  std::uint64_t all_faults = 0;
  std::map<std::string, std::uint64_t> by_kind;
  for (std::size_t i = 0; i < fault_count; ++i) {
    all_faults += faults[i];
    by_kind[std::string(fault_names[i])] = faults[i];
  }
  std::map<std::string, std::uint64_t> by_code;
  for (const auto code : all_codes) {
    const auto found = errors.find(code);
    by_code[std::string(error_name(code))] = found == errors.end() ? 0 : found->second;
  }
  out << "seeds: " << runs << ", virtual days: " << virtual_ms / 86'400'000 << ", operations: " << all_operations
      << ", messages shown: " << messages << ", commits: " << commits << ", faults: " << all_faults << "\n";
  list(out, "operations", operations);
  list(out, "faults", by_kind);
  list(out, "what disks did", disks);
  if (!attacks.empty()) list(out, "attacks", attacks);
  list(out, "error codes", by_code);
  list(out, "rare branches", rare);
  return out.str();
}

std::string Coverage::serialize() const {
  std::ostringstream out;
  const auto line = [&](const char* kind, std::uint64_t count, std::string_view name) {
    out << kind << ' ' << count << ' ' << name << '\n';
  };
  line("messages", messages, "");
  line("commits", commits, "");
  line("runs", runs, "");
  line("virtual_ms", virtual_ms, "");
  for (std::size_t i = 0; i < fault_count; ++i) line("fault", faults[i], fault_names[i]);
  for (const auto& [name, count] : operations) line("operation", count, name);
  for (const auto& [code, count] : errors) line("error", count, std::to_string(static_cast<int>(code)));
  for (const auto& [name, count] : rare) line("rare", count, name);
  for (const auto& [name, count] : attacks) line("attack", count, name);
  for (const auto& [name, count] : disks) line("disk", count, name);
  return out.str();
}

Coverage Coverage::parse(std::string_view text) {
  Coverage out;
  std::istringstream in{std::string(text)};
  std::string row;
  while (std::getline(in, row)) {
    std::istringstream parts(row);
    std::string kind;
    std::uint64_t count = 0;
    parts >> kind >> count;
    std::string name;
    std::getline(parts >> std::ws, name);
    if (kind == "messages") out.messages += count;
    if (kind == "commits") out.commits += count;
    if (kind == "runs") out.runs += count;
    if (kind == "virtual_ms") out.virtual_ms += count;
    if (kind == "fault") {
      for (std::size_t i = 0; i < fault_count; ++i) {
        if (fault_names[i] == name) out.faults[i] += count;
      }
    }
    if (kind == "operation") out.operations[name] += count;
    if (kind == "error") out.errors[static_cast<ErrorCode>(std::stoi(name))] += count;
    if (kind == "rare") out.rare[name] += count;
    if (kind == "attack") out.attacks[name] += count;
    if (kind == "disk") out.disks[name] += count;
  }
  return out;
}

}  // namespace sotto::sim
