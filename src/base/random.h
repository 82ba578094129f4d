// Where randomness comes from. Passed in everywhere, so that a simulation can replay it from a seed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sotto {

class Random {
 public:
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  virtual ~Random() = default;

  /// Fills `out` with unpredictable bytes (or, in a test, with bytes from its seed).
  virtual void fill(std::span<std::uint8_t> out) = 0;

  /// A number in [0, bound); 0 if bound is 0. Without modulo bias.
  std::uint64_t below(std::uint64_t bound);
};

/// The operating system's generator (getrandom). Safe from any thread.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

/// Draws from another in larger pieces, where a system call each time would be felt. Not thread-safe.
class BufferedRandom final : public Random {
 public:
  explicit BufferedRandom(Random& source) : source_(source) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  Random& source_;
  std::array<std::uint8_t, 1024> bytes_{};
  std::size_t used_ = sizeof bytes_;
};

/// A repeatable generator for tests and simulations; not for keys of real users. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

}  // namespace sotto
