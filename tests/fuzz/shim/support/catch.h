// Stands before tests/support/catch.h in the include path of the fuzz targets, so that the tests' worlds can be used
// without Catch2: what a test would report, a fuzz target dies of.
#pragma once

#include <sstream>

#include "check.h"

#define REQUIRE(...) ::sotto::fuzz::check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__)
#define REQUIRE_FALSE(...) ::sotto::fuzz::check(!static_cast<bool>(__VA_ARGS__), "not " #__VA_ARGS__)
#define FAIL(...)                      \
  do {                                 \
    std::ostringstream why;            \
    why << __VA_ARGS__;                \
    ::sotto::fuzz::finding(why.str()); \
  } while (false)
#define INFO(...) static_cast<void>(0)
