// The relay as a state machine: no sockets, threads, clock or random of its own. Inputs go in as a batch; what leaves
// leaves after everything it says is durable.
#pragma once

#include <memory>
#include <span>

#include "base/log.h"
#include "base/random.h"
#include "relay/backend/backend.h"
#include "relay/counters.h"
#include "relay/io.h"

namespace sotto::relay {

/// One thread. `backend` and `random` must outlive it; after its end the backend must not run any more if anything is
/// queued there.
class Core {
 public:
  Core(Backend& backend, Random& random, const CoreConfig& config = {}, Logger log = {});
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core();

  /// Takes all that waits at once: as a rule one run of the backend, and so one sync, for all of it.
  Outputs step(Timestamp now, std::span<Input> inputs);

  /// Finishes what was begun, trims what can be trimmed, says good-bye (`going_away`) and closes all connections.
  Outputs stop(Timestamp now);

  /// Chats in memory, for tests of its bounds.
  [[nodiscard]] std::size_t cached_chats() const;
  /// What was counted since the core was made; good until the next step.
  [[nodiscard]] const Counters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::relay
