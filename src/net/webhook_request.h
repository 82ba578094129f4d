// One HTTP POST by libcurl; inside net/webhook only.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>

#include "net/webhook.h"

namespace sotto::net {

// CURL and CURLM are one type.
struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;
struct CurlEasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyDeleter>;
struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

/// INVALID_ARGUMENT if the URL is none that `config` allows, or the token no header's content.
Status check_webhook(const WebhookConfig& config);

class WebhookRequest {
 public:
  /// IO_ERROR if libcurl has no memory. `body` is used until the end of the request.
  static Result<std::unique_ptr<WebhookRequest>> make(const WebhookConfig& config, Bytes body);
  WebhookRequest(const WebhookRequest&) = delete;
  WebhookRequest& operator=(const WebhookRequest&) = delete;
  ~WebhookRequest() = default;

  [[nodiscard]] CURL* easy() const { return easy_.get(); }

  struct Answer {
    /// 0: none.
    unsigned status = 0;
    std::optional<std::chrono::seconds> retry_after;
    /// Why there is no answer, in libcurl's words, which name neither host nor content.
    std::string failure;
  };
  /// After libcurl is done with it.
  [[nodiscard]] Answer answer(CURLcode code) const;

 private:
  explicit WebhookRequest(Bytes body) : body_(std::move(body)) {}
  static std::size_t take_head(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self);

  const Bytes body_;
  CurlList headers_;
  CurlEasy easy_;
  /// libcurl takes a head that ends in its middle for a whole one.
  bool head_complete_ = false;
  std::size_t received_ = 0;
};

}  // namespace sotto::net
