// The relay's records as values. Each has `encode` and a static `decode` (errors: CORRUPT, NEWER_SCHEMA).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/keys.h"
#include "relay/device_ref.h"
#include "sotto/result.h"
#include "wire/identity.h"

namespace sotto::relay {

/// How often something happened within a day that began with the first time.
struct DayCount {
  std::uint32_t count = 0;
  /// Milliseconds since 1970.
  std::uint64_t since = 0;
  [[nodiscard]] std::uint64_t over_at() const { return since + 24ULL * 3600 * 1000; }
  [[nodiscard]] bool over(std::uint64_t now) const { return count == 0 || now >= over_at() || now < since; }
  [[nodiscard]] bool reached(std::uint32_t most, std::uint64_t now) const { return !over(now) && count >= most; }
  void add(std::uint64_t now) {
    if (over(now)) *this = {0, now};
    ++count;
  }
};

struct HandleRecord {
  UserId user;
  /// Milliseconds since 1970: since when it is this user's.
  std::uint64_t since = 0;
  /// SHA-256 of what SetPin brought.
  std::optional<crypto::Sha256Digest> pin = {};
  DayCount wrong_pins = {};
  [[nodiscard]] Bytes encode() const;
  static Result<HandleRecord> decode(ByteView bytes);
};

struct UserRecord {
  struct Device {
    DeviceId device;
    crypto::SignaturePublicKey key;
    std::uint32_t era = 0;
  };
  /// The SignedDeviceList as it came.
  Bytes signed_list;
  std::uint64_t version = 0;
  crypto::Sha256Digest hash;
  std::vector<Device> devices;
  /// findUser does not show it to others.
  bool hidden = false;
  /// Nothing but this is left of it: the userId never comes back.
  bool deleted = false;
  /// Those that were registered for it, the last `most_handles`; whose they are now, their records say.
  std::vector<std::string> handles = {};
  static constexpr std::size_t most_handles = 16;
  /// The one that was registered last; empty for an account of an older version.
  [[nodiscard]] std::string handle() const { return handles.empty() ? std::string() : handles.back(); }

  UserRecord() = default;
  UserRecord(const wire::SignedDeviceList& list, const wire::CheckedDeviceList& checked);
  [[nodiscard]] const Device* find(const DeviceId& device) const;
  [[nodiscard]] wire::SignedDeviceList list() const;
  [[nodiscard]] Bytes encode() const;
  static Result<UserRecord> decode(ByteView bytes);
};

/// Whether there is such a user now.
inline bool exists(const std::optional<UserRecord>& user) { return user && !user->deleted; }
/// The devices of a user's list.
std::vector<DeviceRef> devices_of(const UserId& user, const UserRecord& record);

struct DeviceRecord {
  /// session and ack_no count within an era: a device that takes a new key begins anew.
  std::uint32_t era = 0;
  std::uint64_t session = 0;
  std::uint64_t ack_no = 0;
  /// When the newest session began, in milliseconds since 1970.
  std::uint64_t session_time = 0;
  [[nodiscard]] Bytes encode() const;
  static Result<DeviceRecord> decode(ByteView bytes);
};

struct CursorRecord {
  std::uint64_t acked = 0;
  std::uint64_t time = 0;
  /// Nothing is kept for the device any more.
  bool released = false;
  [[nodiscard]] Bytes encode() const;
  static Result<CursorRecord> decode(ByteView bytes);
};

struct ReadMarkRecord {
  std::uint64_t time = 0;
  std::uint32_t generation = 0;
  DeviceRef sender;
  Bytes payload;
  [[nodiscard]] Bytes encode() const;
  static Result<ReadMarkRecord> decode(ByteView bytes);
};

struct ProfileRecord {
  std::uint64_t version = 0;
  crypto::Sha256Digest token_hash;
  Bytes profile;
  [[nodiscard]] Bytes encode() const;
  static Result<ProfileRecord> decode(ByteView bytes);
};

struct BlockRecord {
  /// Sorted.
  std::vector<UserId> users;
  [[nodiscard]] bool contains(const UserId& user) const;
  [[nodiscard]] Bytes encode() const;
  static Result<BlockRecord> decode(ByteView bytes);
};

/// The one-time key packages of a device that are left have the numbers first … next - 1.
struct KeyPackageIndex {
  std::uint64_t first = 0;
  std::uint64_t next = 0;
  /// SHA-256 over the key packages of the last request that stored any: a repeat of it stores nothing.
  std::optional<crypto::Sha256Digest> last_request = {};
  [[nodiscard]] std::uint64_t count() const { return next - first; }
  [[nodiscard]] Bytes encode() const;
  static Result<KeyPackageIndex> decode(ByteView bytes);
};

/// A key package as it came.
struct KeyPackageRecord {
  Bytes bytes;
  [[nodiscard]] Bytes encode() const { return bytes; }
  static Result<KeyPackageRecord> decode(ByteView bytes) { return KeyPackageRecord{to_bytes(bytes)}; }
};

struct PushToken {
  std::string token;
  bool high_only = false;
  [[nodiscard]] Bytes encode() const;
  static Result<PushToken> decode(ByteView bytes);
};

struct DeletionRecord {
  std::vector<DeviceId> devices;
  [[nodiscard]] Bytes encode() const;
  static Result<DeletionRecord> decode(ByteView bytes);
};

struct BlobMeta {
  /// Who uploads it.
  UserId user;
  crypto::Sha256Digest token_hash;
  /// How many users it was announced to, and those that have it.
  std::uint32_t recipients = 0;
  std::vector<UserId> received;
  [[nodiscard]] Bytes encode() const;
  static Result<BlobMeta> decode(ByteView bytes);
};

}  // namespace sotto::relay
