// Makes the Nth allocation of a part of the program fail, once: of C++ (std::bad_alloc) or of SQLite (a null pointer).
// This executable's operator new and SQLite's allocator are replaced for it, by allocations.cpp.
#pragma once

#include <cstdint>

namespace sotto::test {

enum class Allocator { cpp, sqlite };

/// Counts, and fails the Nth, while an `Armed` lives on this thread. One at a time.
class AllocationFault {
 public:
  AllocationFault(Allocator allocator, std::uint64_t nth);
  AllocationFault(const AllocationFault&) = delete;
  AllocationFault& operator=(const AllocationFault&) = delete;
  ~AllocationFault();

  [[nodiscard]] bool fired() const;

  /// The part of the program that is meant.
  struct Armed {
    Armed();
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;
    ~Armed();
  };
};

}  // namespace sotto::test
