#include "sim/operation.h"

#include <algorithm>

namespace sotto::sim {

namespace {
std::vector<Operation*>& registry(bool is_trouble) {
  static std::vector<Operation*> users;
  static std::vector<Operation*> trouble;
  return is_trouble ? trouble : users;
}
const std::vector<Operation*>& sorted(bool is_trouble) {
  auto& all = registry(is_trouble);
  std::ranges::sort(all, {}, &Operation::name);
  return all;
}
}  // namespace

const std::vector<Operation*>& Operation::of_users() { return sorted(false); }
const std::vector<Operation*>& Operation::of_trouble() { return sorted(true); }
void Operation::add(Operation& operation, bool is_trouble) { registry(is_trouble).push_back(&operation); }

}  // namespace sotto::sim
