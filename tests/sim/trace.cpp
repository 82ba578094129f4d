#include "sim/trace.h"

#include "base/siphash.h"

namespace sotto::sim {

namespace {
constexpr std::size_t lines_kept = 200;

SipKey key_of(std::uint64_t state, std::uint8_t which) {
  SipKey key{};
  for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<std::uint8_t>(state >> (8 * i));
  key[8] = which;
  return key;
}
}  // namespace

void Trace::line(std::int64_t at, std::string_view who, std::string_view what) {
  std::string text = std::to_string(at);
  text.append(" ").append(who).append(" ").append(what);
  first_ = siphash(key_of(first_, 1), as_bytes(text));
  second_ = siphash(key_of(second_, 2), as_bytes(text));
  if (verbose_) std::fprintf(stderr, "%s\n", text.c_str());
  tail_.push_back(std::move(text));
  if (tail_.size() > lines_kept) tail_.pop_front();
}

std::string Trace::hash() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(first_),
                static_cast<unsigned long long>(second_));
  return text;
}

std::string brief(ByteView bytes) { return to_hex(bytes.first(std::min<std::size_t>(bytes.size(), 4))); }

std::string fingerprint(ByteView bytes) {
  char text[17];
  std::snprintf(text, sizeof text, "%08llx", static_cast<unsigned long long>(siphash({}, bytes) & 0xffffffffU));
  return text;
}

}  // namespace sotto::sim
