// How codes leave the relay: to a gateway that sends text messages, or, for development, into the log.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "net/webhook.h"
#include "relay/io.h"

namespace sotto::relay {

struct CodeSenderConfig {
  /// Nothing: the log, at level warning, where whoever reads it can use the codes.
  std::optional<net::WebhookConfig> gateway;
};

class CodeSender {
 public:
  /// Errors: those of net::Webhook::start. `random` must be safe from any thread, and outlive the sender.
  static Result<std::unique_ptr<CodeSender>> start(CodeSenderConfig config, Random& random, const Logger& log);
  CodeSender(const CodeSender&) = delete;
  CodeSender& operator=(const CodeSender&) = delete;
  ~CodeSender() = default;

  /// A newer code takes the place of one for the same number that still waits.
  void send(const SendCode& code);
  /// What became of the codes; those that went into the log are delivered. Any thread.
  [[nodiscard]] net::WebhookCounts counts() const;
  void stop(std::chrono::steady_clock::duration deadline);

 private:
  explicit CodeSender(Logger log) : log_(std::move(log)) {}

  Logger log_;
  std::unique_ptr<net::Webhook> webhook_;
  std::atomic<std::uint64_t> logged_{0};
};

/// What a gateway is sent: `{"to":"+4930123456","code":"123456","ttl_seconds":600}`.
Bytes code_text(const SendCode& code);

}  // namespace sotto::relay
