#include "client/tables/account_table.h"

#include "base/try.h"
#include "wire/client_store.h"
#include "wire/frame.h"

namespace sotto::client {

Result<std::optional<AccountRow>> AccountTable::load() {
  std::optional<AccountRow> out;
  Bytes list;
  SOTTO_TRY(db_.query(
      "SELECT handle, user_id, identity_private, identity_public, device_id, device_private, device_public, era, "
      "device_list, registered, session, ack_no, incarnation, rolled_back, code, invite, pin_hash, handle_moves_at, "
      "handle_moved, receipts_since FROM account",
      [&](const store::Row& row) {
        AccountRow account;
        account.handle = row.text(0);
        account.user = row.get<UserId>(1);
        account.identity.private_key = row.get<crypto::SignaturePrivateKey>(2);
        account.identity.public_key = row.get<crypto::SignaturePublicKey>(3);
        account.device = row.get<DeviceId>(4);
        account.device_key.private_key = row.get<crypto::SignaturePrivateKey>(5);
        account.device_key.public_key = row.get<crypto::SignaturePublicKey>(6);
        account.era = row.get<std::uint32_t>(7);
        list = row.blob(8);
        account.registered = row.get<bool>(9);
        account.session = row.get<std::uint64_t>(10);
        account.ack_no = row.get<std::uint64_t>(11);
        if (!row.is_null(12)) account.incarnation = row.blob(12);
        account.rolled_back = row.get<bool>(13);
        account.code = row.text(14);
        account.invite = row.text(15);
        if (!row.is_null(16)) account.pin_hash = row.blob(16);
        account.handle_moves_at = row.get<std::int64_t>(17);
        account.handle_moved = row.get<bool>(18);
        account.receipts_since = row.get<std::uint64_t>(19);
        out = std::move(account);
      }));
  if (out) {
    SOTTO_TRY_ASSIGN(out->device_list, wire::decode_own<wire::SignedDeviceList>(list));
  }
  return out;
}

Status AccountTable::insert(const AccountRow& row) {
  return db_.run(
      "INSERT INTO account(id, handle, user_id, identity_private, identity_public, device_id, device_private, "
      "device_public, era, device_list, registered, session, ack_no, rolled_back, incarnation, next_place, code, "
      "invite, pin_hash) VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, 1, ?, ?, ?)",
      row.handle, row.user, row.identity.private_key, row.identity.public_key, row.device, row.device_key.private_key,
      row.device_key.public_key, row.era, wire::serialize(row.device_list), row.registered, row.session, row.ack_no,
      row.code, row.invite, row.pin_hash);
}

Status AccountTable::remove() { return db_.run("DELETE FROM account"); }

Status AccountTable::set_credentials(const AccountRow& row) {
  return db_.run("UPDATE account SET code = ?, invite = ?, pin_hash = ?", row.code, row.invite, row.pin_hash);
}

Status AccountTable::set_registered() {
  return db_.run(
      "UPDATE account SET registered = 1, code = '', invite = '', pin_hash = NULL, handle_moves_at = 0, "
      "handle_moved = 0");
}

Status AccountTable::set_handle(std::int64_t moves_at, bool moved) {
  return db_.run("UPDATE account SET handle_moves_at = ?, handle_moved = ?", moves_at, moved);
}

Result<std::optional<HandleChange>> AccountTable::handle_change() {
  std::optional<HandleChange> out;
  SOTTO_TRY(db_.query("SELECT handle, code, invite, pin_hash, moves_at FROM handle_change", [&](const store::Row& row) {
    out = HandleChange{std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)), row.blob(3),
                       row.integer(4)};
  }));
  return out;
}

Status AccountTable::set_handle_change(const HandleChange& change) {
  return db_.run(
      "INSERT OR REPLACE INTO handle_change(id, handle, code, invite, pin_hash, moves_at) VALUES(1, ?, ?, ?, ?, ?)",
      change.handle, change.code, change.invite, change.pin_hash, change.moves_at);
}

Status AccountTable::remove_handle_change() { return db_.run("DELETE FROM handle_change"); }

Status AccountTable::finish_handle_change() {
  SOTTO_TRY(
      db_.run("UPDATE account SET handle = (SELECT handle FROM handle_change), handle_moves_at = 0, handle_moved = 0"));
  return remove_handle_change();
}

Status AccountTable::set_session(std::uint64_t session) { return db_.run("UPDATE account SET session = ?", session); }

Status AccountTable::set_ack_no(std::uint64_t ack_no) { return db_.run("UPDATE account SET ack_no = ?", ack_no); }

Status AccountTable::set_rolled_back() { return db_.run("UPDATE account SET rolled_back = 1"); }

Status AccountTable::set_receipts_since(std::uint64_t relay_time) {
  return db_.run("UPDATE account SET receipts_since = ?", relay_time);
}

Status AccountTable::set_incarnation(ByteView incarnation) {
  return db_.run("UPDATE account SET incarnation = ?", incarnation);
}

Result<std::int64_t> AccountTable::take_place() {
  SOTTO_TRY_ASSIGN(const auto place,
                   db_.one<std::int64_t>("UPDATE account SET next_place = next_place + 1 RETURNING next_place - 1"));
  if (!place) return ErrorCode::NOT_REGISTERED;
  return *place;
}

}  // namespace sotto::client
