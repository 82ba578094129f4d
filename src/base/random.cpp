#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace sotto {

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    std::array<std::uint8_t, 8> raw{};
    fill(raw);
    std::uint64_t value = 0;
    std::memcpy(&value, raw.data(), sizeof value);
    if (value < limit) return value % bound;
  }
}

void SystemRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // Without randomness nothing may go on: every key would be guessable.
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

void BufferedRandom::fill(std::span<std::uint8_t> out) {
  if (out.size() > bytes_.size()) return source_.fill(out);
  if (out.size() > bytes_.size() - used_) {
    source_.fill(bytes_);
    used_ = 0;
  }
  // Each byte is given out once, and stands nowhere afterwards.
  const auto piece = std::span(bytes_).subspan(used_, out.size());
  std::ranges::copy(piece, out.begin());
  std::ranges::fill(piece, std::uint8_t{0});
  used_ += out.size();
}

// splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
std::uint64_t SeededRandom::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::uint64_t value = next();
    const std::size_t n = out.size() < sizeof value ? out.size() : sizeof value;
    std::memcpy(out.data(), &value, n);
    out = out.subspan(n);
  }
}

}  // namespace sotto
