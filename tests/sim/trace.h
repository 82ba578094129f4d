// What happened in a run: a hash over every line, and the last lines as text.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

#include "base/bytes.h"

namespace sotto::sim {

/// Thrown by a check that found a promise broken.
struct Violation {
  std::string invariant;
  std::string detail;
};
[[noreturn]] inline void violated(std::string invariant, std::string detail) {
  throw Violation{std::move(invariant), std::move(detail)};
}

class Trace {
 public:
  explicit Trace(bool verbose) : verbose_(verbose) {}

  /// One line: milliseconds since the run began, who, what.
  void line(std::int64_t at, std::string_view who, std::string_view what);
  /// Of all lines so far, 32 hexadecimal digits.
  [[nodiscard]] std::string hash() const;
  [[nodiscard]] const std::deque<std::string>& tail() const { return tail_; }

 private:
  bool verbose_;
  std::uint64_t first_ = 0;
  std::uint64_t second_ = 0;
  std::deque<std::string> tail_;
};

/// The first bytes of an id or a hash: enough to follow it through a trace.
std::string brief(ByteView bytes);
/// A short fingerprint of any bytes.
std::string fingerprint(ByteView bytes);

}  // namespace sotto::sim
