#include "relay/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>

namespace sotto::relay {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr ConnectionKind kinds[] = {ConnectionKind::unauthenticated, ConnectionKind::main, ConnectionKind::media,
                                    ConnectionKind::peek};

class Families {
 public:
  void counter(const char* name, const char* help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.counter.value = value;
    add(name, help, MetricType::Counter, std::move(metric), std::move(labels));
  }
  void gauge(const char* name, const char* help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.gauge.value = value;
    add(name, help, MetricType::Gauge, std::move(metric), std::move(labels));
  }
  void histogram(const char* name, const char* help, const Histogram& histogram) {
    ClientMetric metric;
    auto& out = metric.histogram;
    const auto counts = histogram.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      out.sample_count += counts[i];
      if (i < histogram.bounds().size()) out.bucket.push_back({out.sample_count, histogram.bounds()[i]});
    }
    out.sample_sum = histogram.sum();
    add(name, help, MetricType::Histogram, std::move(metric), {});
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  /// Metrics of one name follow each other.
  void add(const char* name, const char* help, MetricType type, ClientMetric metric, Labels labels) {
    metric.label = std::move(labels);
    if (families_.empty() || families_.back().name != name) families_.push_back({name, help, type, {}});
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<MetricFamily> families_;
};

double number(std::uint64_t value) { return static_cast<double>(value); }

std::uint64_t failed(const net::WebhookCounts& counts) { return counts.failed + counts.dropped; }

std::string status_name(std::uint32_t status) {
  return status == 0 ? "SUCCESS" : std::string(error_name(static_cast<ErrorCode>(status)));
}

void add_counters(Families& out, const Counters& counters) {
  for (const auto kind : kinds) {
    out.gauge("sotto_connections", "Connections now", number(counters.connections[Counters::index(kind)]),
              {{"kind", kind_name(kind)}});
  }
  for (const auto kind : kinds) {
    if (kind == ConnectionKind::unauthenticated) continue;
    out.counter("sotto_sessions_accepted_total", "Authentications that succeeded",
                number(counters.sessions_accepted[Counters::index(kind)]), {{"kind", kind_name(kind)}});
  }
  out.counter("sotto_sessions_refused_total", "Authentications that were refused", number(counters.sessions_refused));
  for (const auto& row : counters.requests.rows()) {
    out.counter("sotto_requests_total", "Requests that were answered", number(row.count),
                {{"command", command_name(row.command)}, {"status", status_name(row.status)}});
  }
  out.counter("sotto_rate_limited_total", "Requests refused since somebody made too many",
              number(counters.rate_limited));
  out.counter("sotto_entries_accepted_total", "Log entries made durable", number(counters.entries_accepted));
  out.counter("sotto_entries_delivered_total", "Log entries sent to a device, each time",
              number(counters.entries_delivered));
  out.counter("sotto_entries_acked_total", "Log entries deleted since all have acknowledged them",
              number(counters.entries_acked));
  out.counter("sotto_entries_expired_total", "Log entries deleted since they were too old",
              number(counters.entries_expired));
  out.counter("sotto_gaps_total", "Gaps that devices were told of", number(counters.gaps));
  out.gauge("sotto_chats_in_memory", "Chats whose fold is in memory", number(counters.chats_in_memory));
}

void add_push(Families& out, const Counters& counters, const net::WebhookCounts& push) {
  out.counter("sotto_push_notices_total", "Notices for devices that were not connected", number(counters.push_notices));
  out.counter("sotto_push_coalesced_total", "Notices not made since one was on its way",
              number(counters.push_coalesced));
  out.counter("sotto_push_delivered_total", "Notices that the push gateway took", number(push.delivered));
  out.counter("sotto_push_failed_total", "Notices that the push gateway refused, or did not take in time",
              number(failed(push)));
  out.counter("sotto_push_retries_total", "Further tries to tell the push gateway", number(push.retries));
  out.counter("sotto_push_tokens_gone_total", "Push tokens forgotten since the gateway called them gone",
              number(counters.push_tokens_gone));
  out.gauge("sotto_push_waiting", "Notices that wait for the push gateway", number(push.waiting));
}

void add_codes(Families& out, const net::WebhookCounts& codes) {
  out.counter("sotto_codes_sent_total", "Registration codes that their gateway took", number(codes.delivered));
  out.counter("sotto_codes_failed_total", "Registration codes that their gateway refused, or did not take in time",
              number(failed(codes)));
  out.counter("sotto_codes_replaced_total", "Registration codes not sent since a newer one to the number came",
              number(codes.replaced));
  out.gauge("sotto_codes_waiting", "Registration codes that wait for their gateway", number(codes.waiting));
}

}  // namespace

std::string version() { return SOTTO_VERSION; }

std::string to_prometheus(const Metrics& metrics) {
  Families out;
  out.gauge("sotto_build_info", "1, with the version", 1, {{"version", version()}});
  out.gauge("process_start_time_seconds", "Start of the relay since 1970", metrics.started);
  const char* refused = "sotto_connections_refused_total";
  const char* refused_help = "Connections closed as they came: too many in all, of one address, or of one at once";
  out.counter(refused, refused_help, number(metrics.refused.full), {{"reason", "full"}});
  out.counter(refused, refused_help, number(metrics.refused.address), {{"reason", "address"}});
  out.counter(refused, refused_help, number(metrics.refused.rate), {{"reason", "rate"}});
  add_counters(out, metrics.counters);
  if (metrics.push) add_push(out, metrics.counters, *metrics.push);
  if (metrics.codes) add_codes(out, *metrics.codes);
  out.gauge("sotto_log_entries", "Log entries stored: what somebody has not acknowledged yet",
            number(metrics.store.entries));
  out.gauge("sotto_blobs", "Attachments stored", number(metrics.store.blobs));
  out.gauge("sotto_blob_bytes", "Bytes of attachments stored", number(metrics.store.blob_bytes));
  out.counter("sotto_received_bytes_total", "Bytes of WebSocket messages received", number(metrics.bytes_in));
  out.counter("sotto_sent_bytes_total", "Bytes of WebSocket messages sent", number(metrics.bytes_out));
  out.histogram("sotto_commit_writes", "Writes in one transaction", metrics.commits.writes);
  out.histogram("sotto_commit_seconds", "From the begin of a transaction until it is durable", metrics.commits.seconds);
  out.counter("sotto_commit_failures_total", "Transactions that the disk did not take",
              number(metrics.commits.failures));
  out.histogram("sotto_request_seconds", "From the arrival of a request until its answer leaves",
                metrics.request_seconds);
  return out.text();
}

std::string to_status_json(const Metrics& metrics, const std::string& unready) {
  std::ostringstream out;
  // All text in here is ours, of letters and points.
  out << "{\"version\":\"" << version() << "\",\"unready\":\"" << unready << '"';
  const auto add = [&out](const char* name, std::uint64_t value) { out << ",\"" << name << "\":" << value; };
  const auto& counters = metrics.counters;
  add("started", static_cast<std::uint64_t>(metrics.started));
  for (const auto kind : kinds) {
    add((std::string("connections_") + kind_name(kind)).c_str(), counters.connections[Counters::index(kind)]);
  }
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  for (const auto& row : counters.requests.rows()) {
    requests += row.count;
    if (row.status != 0) refused += row.count;
  }
  add("requests", requests);
  add("requests_refused", refused);
  add("rate_limited", counters.rate_limited);
  add("entries_accepted", counters.entries_accepted);
  add("entries_delivered", counters.entries_delivered);
  add("entries_acked", counters.entries_acked);
  add("entries_expired", counters.entries_expired);
  add("log_entries", metrics.store.entries);
  add("chats_in_memory", counters.chats_in_memory);
  add("blobs", metrics.store.blobs);
  add("blob_bytes", metrics.store.blob_bytes);
  add("bytes_in", metrics.bytes_in);
  add("bytes_out", metrics.bytes_out);
  add("commit_failures", metrics.commits.failures);
  if (metrics.push) {
    add("push_notices", counters.push_notices);
    add("push_delivered", metrics.push->delivered);
    add("push_failed", failed(*metrics.push));
    add("push_coalesced", counters.push_coalesced);
    add("push_waiting", metrics.push->waiting);
  }
  if (metrics.codes) {
    add("codes_sent", metrics.codes->delivered);
    add("codes_failed", failed(*metrics.codes));
    add("codes_waiting", metrics.codes->waiting);
  }
  out << '}';
  return std::move(out).str();
}

}  // namespace sotto::relay
