#include "relay/push_gateway.h"

#include <array>

#include "base/try.h"

namespace sotto::relay {
namespace {

/// RFC 8259 section 7; the rest of UTF-8 stands for itself.
std::string json_string(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += {'\\', 'u', '0', '0', hex[static_cast<std::size_t>(c) >> 4], hex[static_cast<std::size_t>(c) & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Names a device and its token, so that the outcome does.
std::string key_of(const PushNotice& notice) {
  return to_string_bytes(notice.device.user) + to_string_bytes(notice.device.device) + notice.token;
}

PushFailed parse(const std::string& key, bool gone) {
  PushFailed out;
  const auto bytes = as_bytes(key);
  assign_exact(out.device.user, bytes.first(16));
  assign_exact(out.device.device, bytes.subspan(16, 16));
  out.token = key.substr(32);
  out.gone = gone;
  return out;
}

}  // namespace

Bytes push_text(const PushNotice& notice) {
  return to_bytes("{\"token\":" + json_string(notice.token) + ",\"urgency\":\"" + (notice.high ? "high" : "normal") +
                  "\"}");
}

Result<std::unique_ptr<PushGateway>> PushGateway::start(net::WebhookConfig config, Random& random, const Logger& log,
                                                        std::function<void()> wake) {
  std::unique_ptr<PushGateway> gateway(new PushGateway(std::move(wake)));
  const auto done = [raw = gateway.get()](const net::WebhookOutcome& outcome) { raw->done(outcome); };
  SOTTO_TRY_ASSIGN(gateway->webhook_, net::Webhook::start(std::move(config), random, log, done));
  return gateway;
}

void PushGateway::post(PushNotice notice) {
  auto key = key_of(notice);
  if (webhook_->post(push_text(notice), key).ok()) return;
  const std::lock_guard lock(mutex_);
  failed_.push_back(parse(key, false));
}

void PushGateway::done(const net::WebhookOutcome& outcome) {
  if (outcome.delivered) return;
  {
    const std::lock_guard lock(mutex_);
    failed_.push_back(parse(outcome.key, outcome.status == 404 || outcome.status == 410));
  }
  wake_();
}

void PushGateway::tell_failed(std::vector<Input>& inputs) {
  const std::lock_guard lock(mutex_);
  for (auto& failed : std::exchange(failed_, {})) inputs.emplace_back(std::move(failed));
}

void PushGateway::stop(std::chrono::steady_clock::duration deadline) {
  webhook_->stop(std::chrono::ceil<std::chrono::milliseconds>(deadline));
}

}  // namespace sotto::relay
