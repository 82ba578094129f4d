// What a fuzz target says before it dies of a finding.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>

#include "sotto/result.h"

namespace sotto::fuzz {

[[noreturn]] inline void finding(const std::string& what) {
  std::cerr << "finding: " << what << std::endl;
  std::abort();
}

inline void check(bool holds, const char* what) {
  if (!holds) finding(what);
}

/// For what cannot fail, such as the setup.
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) finding(std::string(error_name(result.error().code)) + ": " + result.error().message);
  return std::move(*result);
}
inline void must(const Status& status) {
  if (!status.ok()) finding(std::string(error_name(status.error().code)) + ": " + status.error().message);
}

}  // namespace sotto::fuzz
