// A benchmark that cannot go on ends, and says why: figures of a run that went wrong are worth nothing.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "sotto/result.h"

namespace sotto::bench {

/// Up to `main`, so that servers are stopped and folders removed on the way.
[[noreturn]] inline void give_up(const std::string& what) { throw std::runtime_error(what); }

/// A server or library that is not installed: it is left out, and the report says so.
class NotHere : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename T>
T must(Result<T> result, const char* what) {
  if (!result.ok()) give_up(std::string(what) + ": " + result.error().message);
  return std::move(*result);
}

inline void must(const Status& status, const char* what) {
  if (!status.ok()) give_up(std::string(what) + ": " + status.error().message);
}

}  // namespace sotto::bench
