#include "relay/rate_limits.h"

#include <algorithm>
#include <cmath>

#include "wire/frame.h"

namespace sotto::relay {

namespace {
/// About 20 MB.
constexpr std::size_t buckets_kept = 200'000;
wire::Response limited(const Rate& rate, double missing) {
  Error error(ErrorCode::RATE_LIMITED);
  const double seconds = rate.per_second > 0 ? missing / rate.per_second : 3600;
  error.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 86400.0) * 1000) + 1);
  return wire::refusal(error);
}

double refilled(double tokens, std::uint64_t ms, const Rate& rate) {
  return std::min(rate.burst, tokens + static_cast<double>(ms) / 1000 * rate.per_second);
}

}  // namespace

std::optional<wire::Response> TokenBucket::take(const Rate& rate, std::uint64_t now, double cost) {
  tokens_ = tokens_ < 0 ? rate.burst : refilled(tokens_, now - at_, rate);
  at_ = now;
  if (cost - tokens_ > 1e-9) return limited(rate, cost - tokens_);
  tokens_ = std::max(0.0, tokens_ - cost);
  return std::nullopt;
}

std::optional<wire::Response> RateLimits::take(char kind, std::initializer_list<ByteView> name, const Rate& rate,
                                               std::uint64_t now, double cost) {
  if (buckets_.size() >= buckets_kept) sweep(now);
  std::string key(1, kind);
  for (const auto& part : name) key += as_text(part);
  const auto [it, added] = buckets_.try_emplace(std::move(key), Bucket{rate.burst, now, now});
  Bucket& bucket = it->second;
  bucket.tokens = refilled(bucket.tokens, now - bucket.at, rate);
  bucket.at = now;
  const double missing = cost - bucket.tokens;
  if (missing > 1e-9) return limited(rate, missing);
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
