// What a chat's log amounts to: roster, admins, the handshake slot, and who is owed what. Pure: the same entries give
// the same state, whether folded from the first or from a snapshot on.
#pragma once

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "relay/device_ref.h"
#include "relay/stored_entry.h"
#include "sotto/result.h"
#include "wire/roster.h"

namespace sotto::relay {

inline constexpr std::uint64_t open_end = std::numeric_limits<std::uint64_t>::max();

/// Entries that a device is owed, both ends included.
struct OwedRange {
  std::uint64_t from = 0;
  std::uint64_t to = open_end;
  friend bool operator==(const OwedRange&, const OwedRange&) = default;
};

/// A device that is on the roster, or was and may still be owed entries.
struct ChatMember {
  std::uint32_t era = 0;
  bool on_roster = false;
  /// The last entry that put it on the roster; its n starts anew there.
  std::uint64_t joined_seq = 0;
  std::uint64_t last_n = 0;
  /// Ascending, disjoint; the last one is open iff it is on the roster.
  std::vector<OwedRange> owed;
  friend bool operator==(const ChatMember&, const ChatMember&) = default;
};

struct AcceptedHandshake {
  std::uint64_t seq = 0;
  DeviceRef sender;
  crypto::Sha256Digest hash;
  MessageId message_id;
  friend bool operator==(const AcceptedHandshake&, const AcceptedHandshake&) = default;
};

struct ChatFold {
  /// 0: there is no such chat.
  std::uint64_t head = 0;
  wire::ChatType type = wire::DIRECT;
  std::uint32_t generation = 0;
  std::uint64_t handshake_seq = 0;
  std::uint64_t min_handshake = 0;
  AcceptedHandshake founding;
  wire::Roster roster;
  std::map<DeviceRef, ChatMember> members;
  /// The last `limits::handshake_senders_kept`, oldest first.
  std::deque<AcceptedHandshake> handshakes;

  /// Goes on by the entry at head + 1. Errors: CORRUPT (an entry that was never to be accepted); the state is then
  /// undefined.
  Status apply(const StoredEntry& entry);

  [[nodiscard]] bool exists() const { return head != 0; }
  /// The member if it is on the roster with this era.
  [[nodiscard]] const ChatMember* on_roster(const DeviceRef& device, std::uint32_t era) const;
  [[nodiscard]] const ChatMember* find(const DeviceRef& device) const;
  [[nodiscard]] const AcceptedHandshake* find_handshake(const DeviceRef& sender,
                                                        const crypto::Sha256Digest& hash) const;
  /// Closed ranges of all members: what a snapshot has to remember of the past.
  [[nodiscard]] std::size_t closed_ranges() const;

  /// Forgets what nobody is owed any more once all entries up to `up_to` are gone. Gives the devices that were
  /// forgotten altogether.
  std::vector<DeviceRef> forget(std::uint64_t up_to);

  friend bool operator==(const ChatFold&, const ChatFold&) = default;
};

/// The first entry after `acked` that a member is owed, not above `head`.
std::optional<std::uint64_t> next_owed(const ChatMember& member, std::uint64_t acked, std::uint64_t head);
/// The last entry that a member is owed, not above `head`; 0 if none.
std::uint64_t last_owed(const ChatMember& member, std::uint64_t head);
/// Whether `seq` is the entry at which a time of membership began.
bool begins_at(const ChatMember& member, std::uint64_t seq);

/// Snapshots: a fold as bytes.
Bytes encode(const ChatFold& fold);
/// Errors: CORRUPT, NEWER_SCHEMA.
Result<ChatFold> decode_fold(ByteView snapshot);

}  // namespace sotto::relay
