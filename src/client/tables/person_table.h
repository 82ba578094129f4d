// What this store knows of people beside their identity (UserTable), and what this user shows of itself.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "crypto/stream.h"
#include "sotto/people.h"
#include "store/database.h"

namespace sotto::client {

class PersonTable {
 public:
  explicit PersonTable(store::Database& db) : db_(db) {}

  Result<Person> find(const UserId& user);
  Result<bool> known(const UserId& user);
  Status set_known(const UserId& user);
  Status set_blocked(const UserId& user, bool blocked);
  Result<std::vector<UserId>> blocked();
  /// Whether somebody who is blocked is in a chat.
  Result<bool> any_blocked_in(const ChatId& chat);
  Status set_last_seen(const UserId& user, std::int64_t time);

  /// They told where their profile is: it is to be fetched, unless this is known. True if it is.
  Result<bool> want_profile(const UserId& user, const crypto::StreamKey& key, std::uint64_t version);
  struct Wanted {
    UserId user;
    crypto::StreamKey key;
    std::uint64_t version = 0;
  };
  Result<std::vector<Wanted>> wanted(std::size_t limit);
  /// What was fetched; nothing if there was none to be had. Ignored if another was wanted meanwhile.
  Status set_profile(const Wanted& wanted, const std::optional<Bytes>& profile);

 private:
  Status ensure(const UserId& user);
  store::Database& db_;
};

struct SelfRow {
  PrivacySettings privacy;
  /// A wire.Profile.
  Bytes profile;
  /// None: there never was a profile.
  std::optional<crypto::StreamKey> profile_key;
  std::uint64_t profile_version = 0;
  std::uint64_t profile_told = 0;
  Bytes sealed_profile;
  std::uint64_t blocks_version = 0;
  std::uint64_t blocks_told = 0;
};

class SelfTable {
 public:
  explicit SelfTable(store::Database& db) : db_(db) {}
  Result<SelfRow> load();
  Status save(const SelfRow& row);

 private:
  store::Database& db_;
};

/// The profile that a wire.Profile stands for; empty if it breaks a limit.
Profile read_profile(ByteView bytes);
/// Errors: INVALID_ARGUMENT.
Result<Bytes> encode_profile(const Profile& profile);

}  // namespace sotto::client
