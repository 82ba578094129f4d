// Users met so far, and this device's key packages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mls/key_package.h"
#include "store/database.h"
#include "wire/identity.h"

namespace sotto::client {

class UserTable {
 public:
  explicit UserTable(store::Database& db) : db_(db) {}

  /// Pins a user at first sight, and the highest version of the device list seen. A list below it is refused, so that
  /// a relay cannot bring a removed device back. Errors: CERTIFICATE_REFUSED.
  Status meet(const wire::CheckedDeviceList& list, const wire::SignedDeviceList& signed_list,
              const std::optional<std::string>& handle, std::int64_t now);
  /// Pins a user of whom only a certificate was seen.
  Status meet(const wire::CheckedCertificate& certificate, std::int64_t now);
  Result<std::string> handle(const UserId& user);
  /// Takes the handle from other users who were met under it; gives the one met last, if there is one.
  Result<std::optional<UserId>> take_handle(const std::string& handle, const UserId& from_all_but);

 private:
  store::Database& db_;
};

class KeyPackageTable {
 public:
  explicit KeyPackageTable(store::Database& db) : db_(db) {}

  Status insert(const mls::KeyPackageBundle& bundle, bool last_resort, std::int64_t now);
  Result<std::optional<mls::KeyPackageBundle>> find(ByteView ref);
  /// A one-time key package opens one Welcome; a last-resort one stays until it is replaced.
  Status remove_one_time(ByteView ref);
  /// Those that the relay has not confirmed, always in the same order.
  Result<std::vector<mls::KeyPackageBundle>> unpublished();
  /// The relay has them all.
  Status set_published();
  Result<std::size_t> one_time_count();
  Status remove_made_before(std::int64_t time);
  /// The newest last-resort key package, and when it was made.
  Result<std::optional<mls::KeyPackageBundle>> last_resort();
  Result<std::optional<std::int64_t>> last_resort_made_at();

 private:
  store::Database& db_;
};

}  // namespace sotto::client
