#include "net/webhook.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <tuple>

#include "base/try.h"
#include "net/threads.h"
#include "net/tls.h"
#include "net/webhook_request.h"

namespace sotto::net {

class Webhook::Impl {
 public:
  Impl(WebhookConfig config, Random& random, Logger log, Done done)
      : config_(std::move(config)), random_(random), log_(std::move(log)), done_(std::move(done)) {}
  ~Impl() {
    stop(std::chrono::milliseconds(0));
    for (const auto& [key, flying] : flying_) curl_multi_remove_handle(multi_.get(), flying.request->easy());
  }

  Status start();
  Status post(Bytes json, std::string key);
  void stop(std::chrono::milliseconds deadline);
  [[nodiscard]] WebhookCounts counts() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string key;
    Bytes body;
    Clock::time_point due;
    Clock::time_point give_up;
    /// Of those that are due, the one that came first is the first.
    std::uint64_t place = 0;
    unsigned tries = 0;
  };
  struct Flying {
    Job job;
    std::unique_ptr<WebhookRequest> request;
  };
  using Order = std::set<std::tuple<Clock::time_point, std::uint64_t, std::string>>;

  static Order::value_type rank(const Job& job) { return {job.due, job.place, job.key}; }
  void enqueue(Job job);
  void run();
  /// What is to be sent now. Takes it out of the queue.
  std::vector<Job> take_due();
  void launch(Job job);
  void collect();
  void landed(Job job, const WebhookRequest::Answer& answer);
  void tell(Job& job, unsigned status, bool delivered);
  /// One line when trouble begins, and one when it is over.
  void note(const WebhookRequest::Answer& answer, bool trouble);
  [[nodiscard]] bool ended() const;
  [[nodiscard]] std::chrono::milliseconds patience() const;

  const WebhookConfig config_;
  Random& random_;
  const Logger log_;
  const Done done_;
  CurlMulti multi_;

  mutable std::mutex mutex_;
  std::map<std::string, Job> waiting_;
  Order order_;
  std::uint64_t places_ = 0;
  WebhookCounts counts_;
  /// From `stop` on.
  std::optional<Clock::time_point> stop_by_;

  /// The thread's own.
  std::map<std::string, Flying> flying_;
  bool trouble_ = false;

  std::mutex joining_;
  std::thread thread_;
};

Status Webhook::Impl::start() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return Error(ErrorCode::IO_ERROR, "libcurl does not start");
  SOTTO_TRY(check_webhook(config_));
  if (!config_.ca_file.empty()) SOTTO_TRY(make_client_ssl_context({TrustRoots::file, config_.ca_file, {}}));
  multi_.reset(curl_multi_init());
  if (!multi_) return Error(ErrorCode::IO_ERROR, "libcurl gave no multi handle");
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(config_.max_in_flight));
  try {
    const BlockSignals block;
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return Error(ErrorCode::IO_ERROR, "no thread for a webhook");
  }
  return {};
}

Status Webhook::Impl::post(Bytes json, std::string key) {
  const std::lock_guard lock(mutex_);
  if (stop_by_) return ErrorCode::CLOSED;
  const auto now = Clock::now();
  if (const auto it = waiting_.find(key); it != waiting_.end()) {
    ++counts_.replaced;
    // Its place in the queue, and its turn after a failure, stay.
    it->second.body = std::move(json);
    it->second.give_up = now + config_.deadline;
    return {};
  }
  if (waiting_.size() >= config_.max_waiting) {
    ++counts_.dropped;
    return ErrorCode::LIMIT_EXCEEDED;
  }
  enqueue({std::move(key), std::move(json), now, now + config_.deadline, ++places_, 0});
  curl_multi_wakeup(multi_.get());
  return {};
}

void Webhook::Impl::enqueue(Job job) {
  order_.insert(rank(job));
  auto key = job.key;
  waiting_.insert_or_assign(std::move(key), std::move(job));
}

void Webhook::Impl::run() {
  while (!ended()) {
    for (auto& job : take_due()) launch(std::move(job));
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    collect();
    if (ended()) break;
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(patience().count()), nullptr);
  }
}

std::vector<Webhook::Impl::Job> Webhook::Impl::take_due() {
  std::vector<Job> out;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  // At the end all are due.
  const auto due = [&](const Order::value_type& at) { return stop_by_ || std::get<0>(at) <= now; };
  for (auto at = order_.begin();
       at != order_.end() && due(*at) && flying_.size() + out.size() < config_.max_in_flight;) {
    const auto job = waiting_.find(std::get<2>(*at));
    if (flying_.contains(job->first)) {
      ++at;
      continue;
    }
    out.push_back(std::move(job->second));
    waiting_.erase(job);
    at = order_.erase(at);
  }
  return out;
}

void Webhook::Impl::launch(Job job) {
  auto request = job.give_up > Clock::now()
                     ? WebhookRequest::make(config_, job.body)
                     : Result<std::unique_ptr<WebhookRequest>>(Error(ErrorCode::UNAVAILABLE, "too late"));
  if (!request.ok() || curl_multi_add_handle(multi_.get(), (*request)->easy()) != CURLM_OK) {
    return tell(job, 0, false);
  }
  ++job.tries;
  auto key = job.key;
  flying_.insert_or_assign(std::move(key), Flying{std::move(job), std::move(*request)});
}

void Webhook::Impl::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    const auto it =
        std::ranges::find_if(flying_, [&](const auto& item) { return item.second.request->easy() == easy; });
    curl_multi_remove_handle(multi_.get(), easy);
    if (it == flying_.end()) continue;
    const auto answer = it->second.request->answer(code);
    Job job = std::move(it->second.job);
    flying_.erase(it);
    landed(std::move(job), answer);
  }
}

void Webhook::Impl::landed(Job job, const WebhookRequest::Answer& answer) {
  const auto status = answer.status;
  const bool delivered = status >= 200 && status < 300;
  const bool later = status == 0 || status == 408 || status == 429 || status >= 500;
  // That something is unknown or gone is an answer like others.
  note(answer, !delivered && status != 404 && status != 410);
  if (!later) return tell(job, status, delivered);

  const auto now = Clock::now();
  const auto most =
      std::min(config_.most_backoff.count(), config_.first_backoff.count() << std::min(job.tries - 1, 16U));
  auto wait = std::chrono::milliseconds(random_.below(static_cast<std::uint64_t>(most) + 1));
  if (answer.retry_after) wait = std::max<std::chrono::milliseconds>(wait, *answer.retry_after);
  job.due = now + wait;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.contains(job.key)) {
      ++counts_.replaced;
      return;
    }
    if (!stop_by_ && job.due < job.give_up) {
      ++counts_.retries;
      return enqueue(std::move(job));
    }
  }
  tell(job, status, false);
}

void Webhook::Impl::tell(Job& job, unsigned status, bool delivered) {
  {
    const std::lock_guard lock(mutex_);
    ++(delivered ? counts_.delivered : counts_.failed);
  }
  if (done_) done_({std::move(job.key), status, delivered});
}

void Webhook::Impl::note(const WebhookRequest::Answer& answer, bool trouble) {
  if (trouble == trouble_) return;
  trouble_ = trouble;
  if (!trouble) {
    log_.info("webhook ", config_.name, ": takes requests again");
  } else if (answer.status != 0) {
    log_.warning("webhook ", config_.name, ": answered with status ", answer.status);
  } else {
    log_.warning("webhook ", config_.name, ": no answer: ", answer.failure);
  }
}

bool Webhook::Impl::ended() const {
  const std::lock_guard lock(mutex_);
  return stop_by_ && (*stop_by_ <= Clock::now() || (flying_.empty() && waiting_.empty()));
}

std::chrono::milliseconds Webhook::Impl::patience() const {
  const std::lock_guard lock(mutex_);
  auto until = Clock::now() + std::chrono::minutes(10);
  if (stop_by_) until = std::min(until, *stop_by_);
  if (flying_.size() < config_.max_in_flight) {
    const auto next = std::ranges::find_if(order_, [&](const auto& at) { return !flying_.contains(std::get<2>(at)); });
    if (next != order_.end()) until = std::min(until, std::get<0>(*next));
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

void Webhook::Impl::stop(std::chrono::milliseconds deadline) {
  {
    const std::lock_guard lock(mutex_);
    const auto by = Clock::now() + deadline;
    stop_by_ = std::min(stop_by_.value_or(by), by);
  }
  if (multi_) curl_multi_wakeup(multi_.get());
  const std::lock_guard once(joining_);
  if (thread_.joinable()) thread_.join();
}

WebhookCounts Webhook::Impl::counts() const {
  const std::lock_guard lock(mutex_);
  auto out = counts_;
  out.waiting = waiting_.size();
  return out;
}

Webhook::Webhook(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Webhook::~Webhook() = default;

Result<std::unique_ptr<Webhook>> Webhook::start(WebhookConfig config, Random& random, Logger log, Done done) {
  auto impl = std::make_unique<Impl>(std::move(config), random, std::move(log), std::move(done));
  SOTTO_TRY(impl->start());
  return std::unique_ptr<Webhook>(new Webhook(std::move(impl)));
}

Status Webhook::post(Bytes json, std::string key) { return impl_->post(std::move(json), std::move(key)); }
void Webhook::stop(std::chrono::milliseconds deadline) { impl_->stop(deadline); }
WebhookCounts Webhook::counts() const { return impl_->counts(); }

}  // namespace sotto::net
