// The core's notices, as a push gateway is told of them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "net/webhook.h"
#include "relay/io.h"

namespace sotto::relay {

class PushGateway {
 public:
  /// Errors: those of net::Webhook::start. `wake` is called from another thread when there is something to tell;
  /// `random` must be safe from any thread and, like what `wake` uses, outlive the gateway.
  static Result<std::unique_ptr<PushGateway>> start(net::WebhookConfig config, Random& random, const Logger& log,
                                                    std::function<void()> wake);
  PushGateway(const PushGateway&) = delete;
  PushGateway& operator=(const PushGateway&) = delete;
  ~PushGateway() = default;

  void post(PushNotice notice);
  /// What was not taken since the last call.
  void tell_failed(std::vector<Input>& inputs);
  [[nodiscard]] net::WebhookCounts counts() const { return webhook_->counts(); }
  void stop(std::chrono::steady_clock::duration deadline);

 private:
  explicit PushGateway(std::function<void()> wake) : wake_(std::move(wake)) {}
  void done(const net::WebhookOutcome& outcome);

  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<PushFailed> failed_;
  std::unique_ptr<net::Webhook> webhook_;  // ends first
};

/// What a gateway is sent: JSON with a token and an urgency, nothing of a chat or a person.
Bytes push_text(const PushNotice& notice);

}  // namespace sotto::relay
