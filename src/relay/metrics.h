// What a relay tells its operator of itself, in figures: for Prometheus and for the status page.
#pragma once

#include <optional>
#include <string>

#include "net/server.h"
#include "net/webhook.h"
#include "relay/backend/store_figures.h"
#include "relay/counters.h"

namespace sotto::relay {

/// A consistent copy of all figures at one moment.
struct Metrics {
  Counters counters;
  StoreTotals store;
  CommitFigures commits;
  /// Seconds from the arrival of the message that a request came in until its answer was given to the network.
  Histogram request_seconds{seconds_bounds};
  /// Of WebSocket messages, without TLS and framing.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  /// Connections that were closed as they came.
  net::Refused refused;
  /// Of the push gateway, if there is one.
  std::optional<net::WebhookCounts> push;
  /// Of registration codes, if people register by them.
  std::optional<net::WebhookCounts> codes;
  /// Seconds since 1970.
  double started = 0;
};

/// This library's version.
std::string version();

/// Prometheus' text format, version 0.0.4. Labels hold kinds, commands and statuses only: nothing that names a person,
/// a chat or an address, and nothing that a client can make grow.
std::string to_prometheus(const Metrics& metrics);

/// A flat object for the status page. `unready` is empty for a relay that is ready.
std::string to_status_json(const Metrics& metrics, const std::string& unready);

}  // namespace sotto::relay
