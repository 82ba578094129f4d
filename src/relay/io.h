// What goes into the relay core and what comes out of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "sotto/types.h"

namespace sotto::relay {

/// Names a connection for life; never reused.
using ConnectionId = std::uint64_t;

struct Opened {
  ConnectionId id = 0;
  /// Numeric, without port.
  std::string peer_address;
};
/// One WebSocket message.
struct Received {
  ConnectionId id = 0;
  Bytes bytes;
  /// Of the sender of the input, given back in `Outputs::answered`; means nothing to the core.
  std::uint64_t stamp = 0;
};
struct Closed {
  ConnectionId id = 0;
};
/// So many bytes still wait to be written on the connection.
struct Drained {
  ConnectionId id = 0;
  std::size_t queued_bytes = 0;
};
using Input = std::variant<Opened, Received, Closed, Drained>;

struct Send {
  ConnectionId id = 0;
  Bytes bytes;
};
struct Close {
  ConnectionId id = 0;
  std::uint16_t code = 1000;
  std::string reason;
};
using Output = std::variant<Send, Close>;

struct Outputs {
  std::vector<Output> actions;
  /// When to step again at the latest, even without input; nothing: only then. Zero: there is more to do already.
  std::optional<std::chrono::milliseconds> next_timer;
  /// Entries were trimmed a while ago and nothing happened since: the time to empty the backend's files of them.
  bool checkpoint = false;
  /// A connection is only gone on with after `Drained`; else that can wait for the next step.
  bool waits_for_drain = false;
  /// The stamp of what each request came in that was answered in this step.
  std::vector<std::uint64_t> answered;
};

/// Why the relay closes a connection: RFC 6455's codes, and from 4000 on ours.
namespace close_code {
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
/// More waiting requests than a connection may have, or a peer that does not read.
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t too_big = 1009;
/// A newer session of the device took over.
inline constexpr std::uint16_t replaced = 4001;
/// Not authenticated in time.
inline constexpr std::uint16_t not_authenticated = 4002;
/// The device list no longer has this device under this key.
inline constexpr std::uint16_t revoked = 4003;
}  // namespace close_code

/// A token bucket: `burst` at once, then `per_second`.
struct Rate {
  double burst = 0;
  double per_second = 0;
};

/// What may be configured; all times in milliseconds.
struct CoreConfig {
  // A (user, chat): not a device, so that devices buy nothing.
  Rate messages{2000, 200};
  Rate updates{3, 1.0 / 60};
  Rate roster_changes{20, 1.0 / 3};
  /// Commits of a device over all chats.
  Rate commits{40, 20};
  // A user.
  Rate new_chats{500, 1};
  Rate finds{100, 1};
  Rate publishes{20, 0.2};
  Rate device_lists{20, 0.05};
  /// A (taker, user).
  Rate takes{60, 30.0 / 3600};
  // An address.
  Rate registrations{2000, 20};
  Rate authentications{10'000, 500};
  /// Bytes of blobs that a device may begin: four of the largest at once, then as many a day.
  Rate blob_bytes{8.0 * 1024 * 1024 * 1024, 8.0 * 1024 * 1024 * 1024 / 86400};
  /// References to blobs and receipts of them, by a device.
  Rate blob_changes{2000, 20};
  /// Bytes of blobs that a device may have here at a time.
  std::uint64_t blob_quota_bytes = 16ULL * 1024 * 1024 * 1024;

  std::uint64_t authentication_ms = 30'000;
  std::uint64_t receipt_ms = 1000;
  /// A snapshot that is worth waiting for, and how long.
  std::size_t small_snapshot_bytes = 4 * 1024;
  std::uint64_t trim_ms = 1000;
  /// Trims of chats with small snapshots that are busy come together, this often.
  std::uint64_t busy_trim_ms = 50;
  /// After the last trim, and at most after the first.
  std::uint64_t checkpoint_ms = 1000;
  std::uint64_t checkpoint_most_ms = 30'000;
  /// A snapshot is also made after so many entries without one, so that loading a chat stays quick.
  std::uint64_t entries_without_snapshot = 256;
  std::uint64_t entry_lifetime_ms = 30ULL * 24 * 3600 * 1000;
  /// Of a blob: since it was last announced to somebody, since all of them have it, and since its last part came while
  /// it is not complete.
  std::uint64_t blob_lifetime_ms = 30ULL * 24 * 3600 * 1000;
  std::uint64_t blob_received_lifetime_ms = 24ULL * 3600 * 1000;
  std::uint64_t upload_lifetime_ms = 3ULL * 24 * 3600 * 1000;

  /// Requests of a connection that may wait.
  std::size_t waiting_requests = 1024;
  std::size_t waiting_bytes = 1024 * 1024;
  /// Above so many bytes unsent a connection is neither fed nor listened to.
  std::size_t congested_bytes = 512 * 1024;
  /// Bytes that one step delivers before it lets the answers out.
  std::size_t step_bytes = 4 * 1024 * 1024;
  /// Chats, records of a kind, and entries kept in memory.
  std::size_t cached_chats = 10'000;
  std::size_t cached_records = 20'000;
  std::size_t cached_entry_bytes = 64 * 1024 * 1024;
};

}  // namespace sotto::relay
