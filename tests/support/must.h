// For what a test takes for granted.
#pragma once

#include "sotto/result.h"
#include "support/catch.h"

namespace sotto::test {

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) FAIL(std::string(error_name(result.error().code)) + ": " + result.error().message);
  return std::move(*result);
}
inline void must(const Status& status) {
  if (!status.ok()) FAIL(std::string(error_name(status.error().code)) + ": " + status.error().message);
}

}  // namespace sotto::test
