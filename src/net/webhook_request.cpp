#include "net/webhook_request.h"

#include <algorithm>

#include "base/try.h"

namespace sotto::net {
namespace {

/// Nobody reads it; more only keeps the connection busy.
constexpr std::size_t max_answer_bytes = 64 * 1024;

struct Url {
  std::string scheme;
  std::string host;
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, void (*)(void*)> owner(text, curl_free);
  return text;
}

std::optional<Url> parse(const std::string& text) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
    return std::nullopt;
  }
  return Url{part_of(url.get(), CURLUPART_SCHEME), part_of(url.get(), CURLUPART_HOST)};
}

/// libcurl itself takes "localhost" for the loopback addresses, whatever the system says.
bool is_loopback(const std::string& host) {
  const bool v4 = host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || v4;
}

}  // namespace

Status check_webhook(const WebhookConfig& config) {
  const auto url = parse(config.url);
  if (!url || (url->scheme != "https" && url->scheme != "http")) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a webhook's URL is not of the form https://host[:port][/path]");
  }
  if (url->scheme == "http" && !config.plain_beyond_loopback && !is_loopback(url->host)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a webhook beyond this machine has to be https");
  }
  if (!std::ranges::all_of(config.bearer_token, [](char c) { return c > ' ' && c < 0x7F; })) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a webhook's token may hold printable ASCII without spaces only");
  }
  return {};
}

Result<std::unique_ptr<WebhookRequest>> WebhookRequest::make(const WebhookConfig& config, Bytes body) {
  std::unique_ptr<WebhookRequest> request(new WebhookRequest(std::move(body)));
  const Error no_memory(ErrorCode::IO_ERROR, "libcurl gave no request");
  request->easy_.reset(curl_easy_init());
  CURL* easy = request->easy();
  if (easy == nullptr) return no_memory;
  // "Expect:" without content: the body follows at once.
  std::vector<std::string> headers{"Content-Type: application/json", "Expect:", "Accept:"};
  if (!config.bearer_token.empty()) headers.push_back("Authorization: Bearer " + config.bearer_token);
  for (const auto& header : headers) {
    curl_slist* longer = curl_slist_append(request->headers_.get(), header.c_str());
    if (longer == nullptr) return no_memory;
    static_cast<void>(request->headers_.release());
    request->headers_.reset(longer);
  }
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
  };
  set(CURLOPT_URL, config.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!config.ca_file.empty()) set(CURLOPT_CAINFO, config.ca_file.c_str());
  if (!config.ca_file.empty()) set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(config.timeout.count()));
  // No alarms for time-outs, and no waiting for the thread of a name lookup at the end.
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request->body_.size()));
  set(CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(request->body_.data()));
  set(CURLOPT_HTTPHEADER, request->headers_.get());
  set(CURLOPT_HEADERFUNCTION, &WebhookRequest::take_head);
  set(CURLOPT_HEADERDATA, static_cast<void*>(request.get()));
  set(CURLOPT_WRITEFUNCTION, &WebhookRequest::take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(request.get()));
  if (!good) return no_memory;
  return request;
}

std::size_t WebhookRequest::take_head(char* data, std::size_t size, std::size_t count, void* self) {
  const std::string_view line(data, size * count);
  static_cast<WebhookRequest*>(self)->head_complete_ = line == "\r\n" || line == "\n";
  return line.size();
}

std::size_t WebhookRequest::take_body(char* /*data*/, std::size_t size, std::size_t count, void* self) {
  auto& received = static_cast<WebhookRequest*>(self)->received_;
  received += size * count;
  return received <= max_answer_bytes ? size * count : 0;
}

WebhookRequest::Answer WebhookRequest::answer(CURLcode code) const {
  Answer out;
  // Of a long answer, the status has come.
  if (code != CURLE_OK && code != CURLE_WRITE_ERROR) {
    out.failure = curl_easy_strerror(code);
    return out;
  }
  if (!head_complete_) {
    out.failure = "half an answer";
    return out;
  }
  long status = 0;
  curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<unsigned>(std::clamp(status, 0L, 999L));
  curl_off_t seconds = 0;
  if (curl_easy_getinfo(easy(), CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
    out.retry_after = std::chrono::seconds(std::min<curl_off_t>(seconds, 24 * 60 * 60));
  }
  return out;
}

}  // namespace sotto::net
