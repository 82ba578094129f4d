// One record of a chat's log, as the relay keeps it.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "crypto/keys.h"
#include "relay/device_ref.h"
#include "sotto/result.h"
#include "wire/message.h"
#include "wire/roster.h"

namespace sotto::relay {

/// Stored numbers (relay_store.proto's EntryKind).
enum class EntryKind : std::uint32_t { message = 1, handshake = 2, founding = 3 };

struct WelcomeSecret {
  DeviceRef device;
  Bytes secret;
  friend bool operator==(const WelcomeSecret&, const WelcomeSecret&) = default;
};

struct StoredEntry {
  EntryKind kind = EntryKind::message;
  /// Of a founding entry.
  wire::ChatType type = wire::DIRECT;
  std::uint32_t generation = 0;
  MessageId message_id;
  /// The relay's clock, milliseconds since 1970.
  std::uint64_t time = 0;
  DeviceRef sender;
  wire::Urgency urgency = wire::NORMAL;
  ClientMessageId client_message_id;
  /// The sender's number of a message; 0 otherwise.
  std::uint64_t n = 0;
  /// MLSMessage; of a founding entry its CommitAad.
  Bytes payload;
  Bytes welcome_shared;
  /// Sorted by device.
  std::vector<WelcomeSecret> welcome_secrets;

  /// The secret for a device that this entry adds, or null.
  [[nodiscard]] const Bytes* secret_for(const DeviceRef& device) const;
  /// What the sender's stub shows: SHA-256 of the payload.
  [[nodiscard]] crypto::Sha256Digest hash() const;
  /// What a handshake or founding entry does to the roster. Errors: MALFORMED, UNSUPPORTED, LIMIT_EXCEEDED.
  [[nodiscard]] Result<wire::CheckedCommitAad> commit_aad() const;
  /// About how many bytes it costs to keep or to send.
  [[nodiscard]] std::size_t weight() const { return payload.size() + welcome_shared.size() + 128; }
  friend bool operator==(const StoredEntry&, const StoredEntry&) = default;
};

Bytes encode(const StoredEntry& entry);
/// Errors: CORRUPT, NEWER_SCHEMA.
Result<StoredEntry> decode_entry(ByteView record);

/// An entry of a known place in its log, shared by all who are to get it.
struct LogEntryAt {
  std::uint64_t seq = 0;
  std::shared_ptr<const StoredEntry> entry;
  /// Of a message that is in memory and has many recipients: its bytes as all but the sender get them, once somebody
  /// did. Null: not kept.
  std::shared_ptr<Bytes> encoded;

  /// What it takes in memory.
  [[nodiscard]] std::size_t weight() const { return entry->weight() + (encoded ? encoded->size() : 0); }
};

}  // namespace sotto::relay
