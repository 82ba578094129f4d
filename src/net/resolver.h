// Names to addresses without holding up the loop: getaddrinfo blocks, for tens of seconds on a bad network.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/transport.h"
#include "sotto/result.h"

namespace sotto::net {

/// Numeric addresses, the best first (RFC 6724, as the system sorts them), at most `max_addresses`.
using Addresses = std::vector<std::string>;
inline constexpr std::size_t max_addresses = 4;

/// Each lookup runs on a short-lived thread of its own, which nobody waits for.
class Resolver {
 public:
  struct Answer {
    ConnectionId id;
    Result<Addresses> addresses;
  };

  /// `ready` is called on a lookup's thread when there is an answer to collect; never after the destructor.
  explicit Resolver(std::function<void()> ready);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  void lookup(ConnectionId id, const std::string& host);
  std::vector<Answer> collect();

 private:
  struct Mailbox;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace sotto::net
