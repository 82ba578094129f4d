#include "client/tables/people_table.h"

#include "base/try.h"
#include "wire/frame.h"

namespace sotto::client {

Status UserTable::meet(const wire::CheckedDeviceList& list, const wire::SignedDeviceList& signed_list,
                       const std::optional<std::string>& handle, std::int64_t now) {
  SOTTO_TRY_ASSIGN(const auto known,
                   db_.one<std::uint64_t>("SELECT list_version FROM user WHERE user_id = ?", list.user));
  if (known && *known > list.version) {
    return Error(ErrorCode::CERTIFICATE_REFUSED, "a device list older than one seen before");
  }
  return db_.run(
      "INSERT INTO user(user_id, handle, identity_key, list_version, device_list, first_seen) VALUES(?, ?, ?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET list_version = excluded.list_version, device_list = excluded.device_list, "
      "handle = coalesce(excluded.handle, handle)",
      list.user, handle, list.identity_key, list.version, wire::serialize(signed_list), now);
}

Status UserTable::meet(const wire::CheckedCertificate& certificate, std::int64_t now) {
  return db_.run(
      "INSERT INTO user(user_id, handle, identity_key, list_version, device_list, first_seen) "
      "VALUES(?, NULL, ?, 0, NULL, ?) ON CONFLICT DO NOTHING",
      certificate.user, certificate.identity_key, now);
}

Result<std::string> UserTable::handle(const UserId& user) {
  SOTTO_TRY_ASSIGN(const auto found,
                   db_.one<std::optional<std::string>>("SELECT handle FROM user WHERE user_id = ?", user));
  return found ? found->value_or("") : std::string();
}

Result<std::optional<UserId>> UserTable::take_handle(const std::string& handle, const UserId& from_all_but) {
  SOTTO_TRY_ASSIGN(const auto other, db_.one<UserId>("SELECT user_id FROM user WHERE handle = ? AND user_id <> ? "
                                                     "ORDER BY first_seen DESC LIMIT 1",
                                                     handle, from_all_but));
  if (other)
    SOTTO_TRY(db_.run("UPDATE user SET handle = NULL WHERE handle = ? AND user_id <> ?", handle, from_all_but));
  return other;
}

namespace {
Result<mls::KeyPackageBundle> parse_stored(ByteView bytes) {
  auto bundle = mls::KeyPackageBundle::parse(bytes);
  if (!bundle.ok()) return Error(ErrorCode::CORRUPT, "a stored key package does not parse");
  return bundle;
}
}  // namespace

Status KeyPackageTable::insert(const mls::KeyPackageBundle& bundle, bool last_resort, std::int64_t now) {
  return db_.run("INSERT INTO key_package(ref, bundle, last_resort, created_at, published) VALUES(?, ?, ?, ?, ?)",
                 bundle.key_package.ref(), bundle.serialize(), last_resort, now, last_resort);
}

Result<std::optional<mls::KeyPackageBundle>> KeyPackageTable::find(ByteView ref) {
  SOTTO_TRY_ASSIGN(const auto bytes, db_.one<SecretBytes>("SELECT bundle FROM key_package WHERE ref = ?", ref));
  if (!bytes) return std::optional<mls::KeyPackageBundle>();
  SOTTO_TRY_ASSIGN(auto bundle, parse_stored(bytes->view()));
  return std::optional<mls::KeyPackageBundle>(std::move(bundle));
}

Status KeyPackageTable::remove_one_time(ByteView ref) {
  // Somebody got it from the relay, so the relay has all that were sent with it. Without it they would be another
  // request, not a repeat.
  SOTTO_TRY_ASSIGN(const auto published, db_.one<bool>("SELECT published FROM key_package WHERE ref = ?", ref));
  if (published && !*published) SOTTO_TRY(set_published());
  return db_.run("DELETE FROM key_package WHERE ref = ? AND last_resort = 0", ref);
}

Result<std::vector<mls::KeyPackageBundle>> KeyPackageTable::unpublished() {
  std::vector<mls::KeyPackageBundle> out;
  SOTTO_TRY(db_.query("SELECT bundle FROM key_package WHERE published = 0 ORDER BY ref",
                      [&](const store::Row& row) -> Status {
                        SOTTO_TRY_ASSIGN(auto bundle, parse_stored(row.get<SecretBytes>(0).view()));
                        out.push_back(std::move(bundle));
                        return {};
                      }));
  return out;
}

Status KeyPackageTable::set_published() { return db_.run("UPDATE key_package SET published = 1 WHERE published = 0"); }

Result<std::size_t> KeyPackageTable::one_time_count() {
  SOTTO_TRY_ASSIGN(const auto count, db_.one<std::uint64_t>("SELECT count(*) FROM key_package WHERE last_resort = 0"));
  return static_cast<std::size_t>(count.value_or(0));
}

Status KeyPackageTable::remove_made_before(std::int64_t time) {
  return db_.run("DELETE FROM key_package WHERE created_at < ?", time);
}

Result<std::optional<mls::KeyPackageBundle>> KeyPackageTable::last_resort() {
  SOTTO_TRY_ASSIGN(const auto ref, db_.one<Bytes>("SELECT ref FROM key_package WHERE last_resort = 1 "
                                                  "ORDER BY created_at DESC LIMIT 1"));
  if (!ref) return std::optional<mls::KeyPackageBundle>();
  return find(*ref);
}

Result<std::optional<std::int64_t>> KeyPackageTable::last_resort_made_at() {
  return db_.one<std::int64_t>(
      "SELECT created_at FROM key_package WHERE last_resort = 1 ORDER BY created_at DESC LIMIT 1");
}

}  // namespace sotto::client
