// The admin port: how a relay does, for its operator, over plain HTTP. It reads only, and knows no person or chat.
//
//   GET /healthz      200: the process serves
//   GET /readyz       200, or 503 with a word: starting, storage, draining
//   GET /metrics      Prometheus' text format
//   GET /             a page for people, which fetches /status.json
//
// Served by CivetWeb, on two threads of its own. It is what prometheus-cpp serves metrics with, and blocking handlers
// of a few lines are all that is needed here; with libwebsockets the same takes a state machine for partial writes and
// a second event loop. Nothing but our own handler is ever reached: it takes every request, so CivetWeb opens no file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "relay/metrics.h"
#include "sotto/result.h"

namespace sotto::relay {

/// Whom the port asks. Any thread.
class AdminSource {
 public:
  AdminSource() = default;
  AdminSource(const AdminSource&) = delete;
  AdminSource& operator=(const AdminSource&) = delete;
  virtual ~AdminSource() = default;

  [[nodiscard]] virtual Metrics metrics() const = 0;
  /// Empty if it is ready, else a word that says why not.
  [[nodiscard]] virtual std::string unready() const = 0;
};

struct AdminConfig {
  /// Numeric.
  std::string address = "127.0.0.1";
  /// 0: any free one.
  std::uint16_t port = 0;
};

class AdminServer {
 public:
  /// `source` must outlive it. ADDRESS_IN_USE, INVALID_ARGUMENT (address), IO_ERROR; the message begins with "admin
  /// port".
  static Result<std::unique_ptr<AdminServer>> start(const AdminConfig& config, const AdminSource& source);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  /// Waits for the requests under way.
  ~AdminServer();

  [[nodiscard]] std::uint16_t port() const;

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether a numeric address is one of this machine only.
bool is_loopback(const std::string& address);

}  // namespace sotto::relay
