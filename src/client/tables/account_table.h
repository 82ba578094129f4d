// The account of this store: one row.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "crypto/keys.h"
#include "store/database.h"
#include "wire/message.h"

namespace sotto::client {

struct AccountRow {
  std::string handle;
  UserId user;
  crypto::SignatureKeyPair identity;
  DeviceId device;
  crypto::SignatureKeyPair device_key;
  std::uint32_t era = 1;
  wire::SignedDeviceList device_list;
  bool registered = false;
  std::uint64_t session = 0;
  std::uint64_t ack_no = 0;
  /// The relay says that this store is an old copy: its ratchets are not used again.
  bool rolled_back = false;
  /// Of the relay's store; empty before the first connection.
  Bytes incarnation;
  /// A relay's time: what others had received and read before it was told.
  std::uint64_t receipts_since = 0;
  /// What its registration shows; empty once it is registered.
  std::string code = {};
  std::string invite = {};
  Bytes pin_hash = {};
  /// When the handle moves here, or of a registered account, away from here, in milliseconds since 1970; 0: it does
  /// not.
  std::int64_t handle_moves_at = 0;
  /// The handle is another account's now.
  bool handle_moved = false;
};

/// Another handle that a registered account is to have: asked for until the relay has given or refused it.
struct HandleChange {
  std::string handle;
  /// What is shown for it.
  std::string code = {};
  std::string invite = {};
  Bytes pin_hash = {};
  /// When it moves here, in milliseconds since 1970; 0: the relay has not said so.
  std::int64_t moves_at = 0;

  bool operator==(const HandleChange&) const = default;
};

class AccountTable {
 public:
  explicit AccountTable(store::Database& db) : db_(db) {}

  Result<std::optional<AccountRow>> load();
  Status insert(const AccountRow& row);
  /// A relay refused it: as if it had never been made.
  Status remove();
  Status set_credentials(const AccountRow& row);
  /// Forgets what the registration showed.
  Status set_registered();
  Status set_handle(std::int64_t moves_at, bool moved);
  Result<std::optional<HandleChange>> handle_change();
  Status set_handle_change(const HandleChange& change);
  Status remove_handle_change();
  /// The relay has given it: it is the account's handle.
  Status finish_handle_change();
  Status set_session(std::uint64_t session);
  Status set_ack_no(std::uint64_t ack_no);
  Status set_rolled_back();
  Status set_incarnation(ByteView incarnation);
  Status set_receipts_since(std::uint64_t relay_time);
  /// The next number of what is not in a log yet: 1, 2, 3 …
  Result<std::int64_t> take_place();

 private:
  store::Database& db_;
};

}  // namespace sotto::client
