// What the core counts: plain numbers, without clock and locks, which whoever runs the core copies out after a step.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "relay/connection.h"
#include "sotto/error.h"

namespace sotto::relay {

using Command = wire::Request::CommandCase;

/// "send_message"; of a command that this version has no name for "command_" and its number.
std::string command_name(Command command);
/// "main".
const char* kind_name(ConnectionKind kind);

/// Answers by command and status. There are a few dozen of these pairs.
class RequestCounts {
 public:
  struct Row {
    Command command = Command::COMMAND_NOT_SET;
    /// 0 for success, else a number of error_codes.def.
    std::uint32_t status = 0;
    std::uint64_t count = 0;
  };
  void add(Command command, std::uint32_t status);
  /// Sorted by command and status.
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

/// All but the gauges only grow. Nothing in here names a person, a chat or an address.
struct Counters {
  using ByKind = std::array<std::uint64_t, 4>;  // index: ConnectionKind

  /// Gauges: connections now, and chats whose fold is in memory.
  ByKind connections{};
  std::uint64_t chats_in_memory = 0;

  /// Authentications that succeeded, and that did not.
  ByKind sessions_accepted{};
  std::uint64_t sessions_refused = 0;
  RequestCounts requests;
  /// Requests that somebody made too many of; each is in `requests`, too, as RATE_LIMITED.
  std::uint64_t rate_limited = 0;

  /// Entries that became durable; that were sent to a device, each device and each time; and that were deleted, since
  /// all who were owed them have acked or since they were too old.
  std::uint64_t entries_accepted = 0;
  std::uint64_t entries_delivered = 0;
  std::uint64_t entries_acked = 0;
  std::uint64_t entries_expired = 0;
  /// Gaps that devices were told of.
  std::uint64_t gaps = 0;

  /// Notices for devices that were not there, and those that were not made since one was on its way.
  std::uint64_t push_notices = 0;
  std::uint64_t push_coalesced = 0;
  /// Tokens that the gateway called gone.
  std::uint64_t push_tokens_gone = 0;

  [[nodiscard]] static std::size_t index(ConnectionKind kind) { return static_cast<std::size_t>(kind); }
};

}  // namespace sotto::relay
