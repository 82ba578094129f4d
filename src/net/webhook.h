// Hands small JSON texts to a program of the operator's by HTTP POST: a push or an SMS gateway. The relay's only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "sotto/result.h"

namespace sotto::net {

struct WebhookConfig {
  /// What it is called in log lines, such as "push".
  std::string name;
  /// "https://host[:port][/path]"; "http://…" only to this machine (localhost, 127.0.0.0/8, [::1]), unless
  /// `plain_beyond_loopback`.
  std::string url;
  bool plain_beyond_loopback = false;
  /// Sent as "Authorization: Bearer …"; empty: no such header.
  std::string bearer_token;
  /// PEM file of the authorities to trust instead of the system's; empty for the system's.
  std::string ca_file;

  /// Of one try, from the name lookup to the whole answer.
  std::chrono::milliseconds timeout{10'000};
  /// From `post` until it is not tried again.
  std::chrono::milliseconds deadline{60'000};
  /// Before the second try at most this, then twice as much each time, up to the larger one; each time a random part of
  /// it (full jitter).
  std::chrono::milliseconds first_backoff{500};
  std::chrono::milliseconds most_backoff{15'000};
  /// Texts that wait; further ones are refused.
  std::size_t max_waiting = 10'000;
  /// Requests, and so connections, at a time.
  std::size_t max_in_flight = 8;
};

/// What became of a text.
struct WebhookOutcome {
  std::string key;
  /// The last answer's HTTP status; 0: there was none.
  unsigned status = 0;
  /// 2xx, and so no further try.
  bool delivered = false;
};

/// All but the first only grow.
struct WebhookCounts {
  std::uint64_t waiting = 0;
  std::uint64_t delivered = 0;
  /// Refused for good by an answer, or not delivered in time.
  std::uint64_t failed = 0;
  std::uint64_t retries = 0;
  /// Replaced by a newer text of the same key before they were sent.
  std::uint64_t replaced = 0;
  /// Refused since too many waited.
  std::uint64_t dropped = 0;
};

/// A thread and a bounded queue over libcurl. What comes back is looked at for its status and Retry-After only;
/// redirects are not followed, and the environment's proxies are not used. Log lines hold no URL, no token and no text.
class Webhook {
 public:
  /// Called on the webhook's thread, once for each text that was accepted and not replaced, except those that `stop`
  /// gives up. Must return soon, and may call `post`.
  using Done = std::function<void(const WebhookOutcome&)>;

  /// Errors: INVALID_ARGUMENT (URL or token), TLS_FAILED (CAs that do not load), IO_ERROR. `random` must be safe from
  /// any thread, and outlive the webhook.
  static Result<std::unique_ptr<Webhook>> start(WebhookConfig config, Random& random, Logger log, Done done = {});
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;
  /// `stop` without waiting.
  ~Webhook();

  /// Queues a text and returns at once. One that waits under the same key is replaced: only the newest is told. Of one
  /// key there is one request at a time, in the order of the posts. Tried again after 408, 429, 5xx and after failures
  /// of the network, not sooner than a Retry-After says, until the deadline. LIMIT_EXCEEDED if too many wait, CLOSED
  /// after `stop`. Any thread.
  Status post(Bytes json, std::string key);

  /// Takes nothing more, tries once what waits, and ends after that or after `deadline`. Any thread but the webhook's;
  /// twice is harmless.
  void stop(std::chrono::milliseconds deadline);

  /// Any thread.
  [[nodiscard]] WebhookCounts counts() const;

 private:
  class Impl;
  explicit Webhook(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::net
