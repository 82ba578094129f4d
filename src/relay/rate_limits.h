// Token buckets by name: who did too much waits.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "relay/io.h"
#include "wire/message.h"

namespace sotto::relay {

/// One bucket, where it belongs to something that is there anyway.
class TokenBucket {
 public:
  /// Takes `cost`, or gives the refusal.
  std::optional<wire::Response> take(const Rate& rate, std::uint64_t now, double cost = 1);

 private:
  /// Below nothing; it was never used, and is full.
  double tokens_ = -1;
  std::uint64_t at_ = 0;
};

class RateLimits {
 public:
  /// Takes `cost` from the bucket of this kind and name, or gives the refusal. `now` in milliseconds, never going back.
  std::optional<wire::Response> take(char kind, std::initializer_list<ByteView> name, const Rate& rate,
                                     std::uint64_t now, double cost = 1);
  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    std::uint64_t at = 0;
    /// Full again at this time, and then the same as none.
    std::uint64_t full_at = 0;
  };
  void sweep(std::uint64_t now);
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace sotto::relay
