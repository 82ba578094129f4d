#include "relay/code_sender.h"

#include "base/try.h"

namespace sotto::relay {

Bytes code_text(const SendCode& code) {
  // Both are digits, so nothing is to be escaped.
  return to_bytes("{\"to\":\"" + code.handle + "\",\"code\":\"" + code.code +
                  "\",\"ttl_seconds\":" + std::to_string(code.lifetime_ms / 1000) + "}");
}

Result<std::unique_ptr<CodeSender>> CodeSender::start(CodeSenderConfig config, Random& random, const Logger& log) {
  std::unique_ptr<CodeSender> sender(new CodeSender(log));
  if (config.gateway) {
    SOTTO_TRY_ASSIGN(sender->webhook_, net::Webhook::start(std::move(*config.gateway), random, log));
  } else {
    log.warning("relay: registration codes are written into this log: for development only");
  }
  return sender;
}

void CodeSender::send(const SendCode& code) {
  if (!webhook_) {
    log_.warning("relay: code for ", code.handle, ": ", code.code);
    ++logged_;
  } else if (const auto posted = webhook_->post(code_text(code), code.handle); !posted.ok()) {
    log_.warning("relay: a code could not be handed to the gateway: ", posted.error().code);
  }
}

net::WebhookCounts CodeSender::counts() const {
  if (webhook_) return webhook_->counts();
  net::WebhookCounts out;
  out.delivered = logged_.load();
  return out;
}

void CodeSender::stop(std::chrono::steady_clock::duration deadline) {
  if (webhook_) webhook_->stop(std::chrono::duration_cast<std::chrono::milliseconds>(deadline));
}

}  // namespace sotto::relay
