// The right to write a store, held by one process at a time.
#pragma once

#include <string>

#include "sotto/result.h"

namespace sotto::store {

/// An exclusive flock on `<path>.lock`. The kernel releases it when the process dies, however it dies; the file stays.
class Lease {
 public:
  /// IN_USE if anybody holds it, also this very process. Never waits.
  static Result<Lease> acquire(const std::string& path);

  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  /// Releases.
  ~Lease();

 private:
  explicit Lease(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace sotto::store
