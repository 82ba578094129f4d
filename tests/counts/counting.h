// Counts what a machine's speed does not change: SQL statements and allocations.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sotto::test {

/// C++ allocations on this thread while a `Counting` lives there; this executable's operator new is replaced for it.
class Counting {
 public:
  Counting();
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  ~Counting();
  [[nodiscard]] static std::uint64_t allocations();
};

/// SQL statements that were started on the connection that was the n-th to be opened since `forget_statements`.
std::uint64_t statements_of(std::size_t connection);
/// Before the connections are opened whose statements count.
void forget_statements();

}  // namespace sotto::test
