// What goes into the relay core and what comes out of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "relay/device_ref.h"
#include "sotto/relay.h"

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
/// What became of a `PushNotice` that nobody took.
struct PushFailed {
  DeviceRef device;
  std::string token;
  /// The gateway says that there is no such device any more.
  bool gone = false;
};
using Input = std::variant<Opened, Received, Closed, Drained, PushFailed>;

struct Send {
  ConnectionId id = 0;
  Bytes bytes;
};
struct Close {
  ConnectionId id = 0;
  std::uint16_t code = 1000;
  std::string reason;
};
/// A code that whoever has a phone number is to be sent. No more than that: if it gets lost, another is asked for.
struct SendCode {
  std::string handle;
  std::string code;
  std::uint64_t lifetime_ms = 0;
};
/// For the push gateway: a device that is not connected should come.
struct PushNotice {
  DeviceRef device;
  std::string token;
  bool high = false;
};
using Output = std::variant<Send, Close, SendCode, PushNotice>;

struct Outputs {
  std::vector<Output> actions;
  /// When to step again at the latest, even without input; nothing: only then. Zero: there is more to do already.
  std::optional<std::chrono::milliseconds> next_timer;
  /// Entries were trimmed a while ago and nothing happened since: the time to empty the backend's files of them.
  bool checkpoint = false;
  /// A connection is only gone on with after `Drained`; else that can wait for the next step.
  bool waits_for_drain = false;
  /// A run of the store is under way: what comes in small numbers may as well wait for its end.
  bool run_under_way = false;
  /// The stamp of what each request came in that was answered in this step.
  std::vector<std::uint64_t> answered;
};

/// Why the relay closes a connection: RFC 6455's codes, and from 4000 on ours.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
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
  /// Against collecting who has which handle.
  Rate finds_a_day{1000, 1000.0 / 86400};
  /// PIN, discovery, keeping the handle.
  Rate settings{20, 0.05};
  Rate publishes{20, 0.2};
  Rate device_lists{20, 0.05};
  Rate profiles{20, 1.0 / 60};
  Rate profile_fetches{1000, 5};
  Rate block_lists{50, 1.0 / 20};
  /// Ephemerals of a (user, chat), and read marks.
  Rate ephemerals{60, 2};
  Rate read_marks{60, 2};
  /// A (taker, user).
  Rate takes{60, 30.0 / 3600};
  // An address, or an IPv6 network (net::peer_group).
  Rate registrations{2000, 20};
  Rate authentications{10'000, 500};
  Rate finds_address{5000, 2};
  /// Codes asked for from an address, and from the whole relay: each is paid for.
  Rate codes_address{10, 20.0 / 3600};
  Rate codes_relay{250, 1000.0 / 86400};

  RegistrationMode registration = RegistrationMode::open;
  /// Of a phone number: how long a code is good, how soon another may be asked for, and how many in a day.
  std::uint64_t code_lifetime_ms = 600'000;
  std::uint64_t code_resend_ms = 60'000;
  std::uint32_t codes_a_day = 5;
  /// Wrong tries after which a code is good no more, and wrong PINs of a handle in a day.
  std::uint32_t code_tries = 5;
  std::uint32_t pins_a_day = 5;
  /// How long the owner of a handle may object to its move, without a connection in how long there is none who would,
  /// and how long nobody else may claim it after the owner objected.
  std::uint64_t handle_notice_ms = 24ULL * 3600 * 1000;
  std::uint64_t handle_active_ms = 30ULL * 24 * 3600 * 1000;
  std::uint64_t handle_kept_ms = 7ULL * 24 * 3600 * 1000;

  /// Bytes of blobs that a device may begin: four of the largest at once, then as many a day.
  Rate blob_bytes{8.0 * 1024 * 1024 * 1024, 8.0 * 1024 * 1024 * 1024 / 86400};
  /// References to blobs and receipts of them, by a device.
  Rate blob_changes{2000, 20};
  /// Bytes of blobs that a device may have here at a time.
  std::uint64_t blob_quota_bytes = 16ULL * 1024 * 1024 * 1024;

  /// Requests of a connection, but for acks and parts of uploads, which have limits of their own.
  Rate requests{20'000, 5'000};
  /// A device.
  Rate push_tokens{20, 0.2};

  /// Whether there is a push gateway.
  bool push = false;
  /// A device that was told by push and has not come is told again by an entry of this urgency after so long.
  std::uint64_t push_high_again_ms = 60'000;
  std::uint64_t push_normal_again_ms = 15 * 60'000;

  std::uint64_t authentication_ms = 30'000;
  std::uint64_t receipt_ms = 1000;
  /// Acks of a connection that come within so long of each other are carried out together.
  std::uint64_t ack_ms = 100;
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
  /// How often blobs are looked for whose time is over.
  std::uint64_t blob_expiry_ms = 3600ULL * 1000;

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
