#include "relay/invites.h"

#include <functional>

#include "base/try.h"
#include "relay/backend/sqlite_schema.h"
#include "relay/record_keys.h"
#include "relay/registration_records.h"
#include "store/transaction.h"

namespace sotto::relay {

namespace {

constexpr std::uint32_t most_uses = 1000;
constexpr std::chrono::hours longest_lifetime{24 * 3650};
/// 20 of 32 letters: 100 bits.
constexpr std::size_t letters = 20;
constexpr char start_first[] = ": start the relay once before";
/// Crockford's base 32, in lower case: without letters that look alike.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
/// Of an invitation's hash, which is enough to name it.
constexpr std::size_t id_bytes = 8;

Result<std::unique_ptr<store::Database>> open_store_in(const std::string& data_dir, const store::OpenOptions& options) {
  const auto path = data_dir + "/relay.db";
  // Opening for writing would make it.
  if (auto there = store::Database::open_existing(path, options); !there.ok()) {
    if (there.code() != ErrorCode::NOT_FOUND) return there.error();
    return Error(ErrorCode::NOT_FOUND, "there is no store in " + data_dir + start_first);
  }
  SOTTO_TRY_ASSIGN(auto db, store::Database::open(path, options));
  SOTTO_TRY(check_schema(*db, path, sqlite_migrations(), sqlite_application_id));
  return db;
}

std::string new_text(Random& random) {
  std::string out;
  for (std::size_t i = 0; i < letters; ++i) out += alphabet[static_cast<std::size_t>(random.below(alphabet.size()))];
  return out;
}

/// Calls `each` with the key and what is stored under it.
Status for_each(store::Database& db, const std::function<void(ByteView, const InviteRecord&)>& each) {
  const auto family = keys::invites();
  return db.query("SELECT key, value FROM record WHERE key >= ? ORDER BY key", family, [&](const store::Row& row) {
    const auto key = row.get<ByteView>(0);
    if (key.empty() || key[0] != family[0]) return false;
    if (const auto invite = InviteRecord::decode(row.get<ByteView>(1)); invite.ok()) each(key, *invite);
    return true;
  });
}

std::string id_of(ByteView key) { return to_hex(key.subspan(1, id_bytes)); }

std::chrono::system_clock::time_point time_of(std::uint64_t ms) {
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}

}  // namespace

Result<std::string> create_invite(const std::string& data_dir, std::uint32_t uses, std::chrono::hours lifetime,
                                  Random& random, Timestamp now, const store::OpenOptions& options) {
  if (uses < 1 || uses > most_uses || lifetime < std::chrono::hours(1) || lifetime > longest_lifetime) {
    return Error(ErrorCode::INVALID_ARGUMENT, "an invitation has 1 to 1000 uses, and lives for an hour to ten years");
  }
  SOTTO_TRY_ASSIGN(auto db, open_store_in(data_dir, options));
  const auto text = new_text(random);
  InviteRecord invite;
  invite.uses = uses;
  invite.created_at = static_cast<std::uint64_t>(now.time_since_epoch().count());
  invite.expires_at = invite.created_at + static_cast<std::uint64_t>(std::chrono::milliseconds(lifetime).count());
  // The revision is above all that the key had: it never had one.
  SOTTO_TRY(db->run("INSERT INTO record(key, revision, value) SELECT ?, last_revision + 1, ? FROM store",
                    keys::invite(invite_hash(text)), invite.encode()));
  // A relay that died at its first start has left tables without a row.
  if (db->changes() == 0) return Error(ErrorCode::NOT_FOUND, "the store is not complete in " + data_dir + start_first);
  return text;
}

Result<std::vector<RelayInvite>> list_invites(const std::string& data_dir) {
  SOTTO_TRY_ASSIGN(auto db, open_store_in(data_dir, {}));
  std::vector<RelayInvite> out;
  SOTTO_TRY(for_each(*db, [&](ByteView key, const InviteRecord& invite) {
    out.push_back({id_of(key), invite.uses, static_cast<std::uint32_t>(invite.used_by.size()),
                   time_of(invite.created_at), time_of(invite.expires_at)});
  }));
  return out;
}

Status revoke_invite(const std::string& data_dir, const std::string& name, const store::OpenOptions& options) {
  SOTTO_TRY_ASSIGN(auto db, open_store_in(data_dir, options));
  SOTTO_TRY_ASSIGN(auto transaction, store::Transaction::begin(*db));
  const auto whole = keys::invite(invite_hash(name));
  std::vector<RecordKey> found;
  SOTTO_TRY(for_each(*db, [&](ByteView key, const InviteRecord&) {
    if (equal(key, whole) || id_of(key) == name) found.push_back(to_bytes(key));
  }));
  if (found.empty()) return Error(ErrorCode::NOT_FOUND, "there is no such invitation");
  for (const auto& key : found) SOTTO_TRY(db->run("DELETE FROM record WHERE key = ?", key));
  return transaction.commit();
}

}  // namespace sotto::relay
