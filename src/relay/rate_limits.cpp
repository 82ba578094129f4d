#include "relay/rate_limits.h"

#include <algorithm>
#include <cmath>

#include "wire/frame.h"

namespace sotto::relay {

namespace {
/// About 20 MB.
constexpr std::size_t buckets_kept = 200'000;
}  // namespace

std::optional<wire::Response> RateLimits::take(char kind, std::initializer_list<ByteView> name, const Rate& rate,
                                               std::uint64_t now, double cost) {
  if (buckets_.size() >= buckets_kept) sweep(now);
  std::string key(1, kind);
  for (const auto& part : name) key += as_text(part);
  const auto [it, added] = buckets_.try_emplace(std::move(key), Bucket{rate.burst, now, now});
  Bucket& bucket = it->second;
  const double elapsed = static_cast<double>(now - bucket.at) / 1000;
  bucket.tokens = std::min(rate.burst, bucket.tokens + elapsed * rate.per_second);
  bucket.at = now;
  const double missing = cost - bucket.tokens;
  if (missing > 1e-9) {
    Error error(ErrorCode::RATE_LIMITED);
    const double seconds = rate.per_second > 0 ? missing / rate.per_second : 3600;
    error.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 86400.0) * 1000) + 1);
    return wire::refusal(error);
  }
  bucket.tokens -= cost;
  const double to_full = rate.per_second > 0 ? (rate.burst - bucket.tokens) / rate.per_second : 86400;
  bucket.full_at = now + static_cast<std::uint64_t>(to_full * 1000) + 1;
  return std::nullopt;
}

void RateLimits::sweep(std::uint64_t now) {
  std::erase_if(buckets_, [&](const auto& item) { return item.second.full_at <= now; });
  // So many at once can only be an attack on memory; forgetting all is the lesser evil.
  if (buckets_.size() >= buckets_kept) buckets_.clear();
}

}  // namespace sotto::relay
