#include "client/tables/person_table.h"

#include <algorithm>

#include "base/try.h"
#include "base/utf8.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/message.h"

namespace sotto::client {

namespace limits = wire::limits;

namespace {

Status check(const Profile& profile) {
  if (profile.name.size() > limits::profile_name_bytes || profile.about.size() > limits::profile_about_bytes ||
      profile.avatar.size() > limits::avatar_bytes || profile.avatar_mime_type.size() > limits::mime_type_bytes) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a profile above its limits");
  }
  const auto is_ascii = [](char c) { return c >= ' ' && c <= '~'; };
  if (!is_valid_utf8(profile.name) || !is_valid_utf8(profile.about) ||
      !std::ranges::all_of(profile.avatar_mime_type, is_ascii)) {
    return Error(ErrorCode::INVALID_ARGUMENT, "a profile is UTF-8, its MIME type ASCII");
  }
  return {};
}

}  // namespace

Profile read_profile(ByteView bytes) {
  const auto stored = wire::decode<wire::Profile>(bytes);
  if (!stored.ok()) return {};
  Profile out{stored->name(), stored->about(), to_bytes(wire::view(stored->avatar())), stored->avatar_mime_type()};
  return check(out).ok() ? out : Profile{};
}

Result<Bytes> encode_profile(const Profile& profile) {
  SOTTO_TRY(check(profile));
  wire::Profile out;
  out.set_name(profile.name);
  out.set_about(profile.about);
  out.set_avatar(wire::field(profile.avatar));
  out.set_avatar_mime_type(profile.avatar_mime_type);
  return wire::serialize(out);
}

Result<Person> PersonTable::find(const UserId& user) {
  Person out;
  out.user = user;
  SOTTO_TRY(db_.query("SELECT handle FROM user WHERE user_id = ?", user, [&](const store::Row& row) {
    out.handle = row.get<std::optional<std::string>>(0).value_or("");
  }));
  SOTTO_TRY(db_.query("SELECT known, blocked, last_seen, profile FROM person WHERE user_id = ?", user,
                      [&](const store::Row& row) {
                        out.known = row.get<bool>(0);
                        out.blocked = row.get<bool>(1);
                        if (!row.is_null(2)) out.last_seen = Timestamp(std::chrono::milliseconds(row.integer(2)));
                        if (!row.is_null(3)) out.profile = read_profile(row.blob_view(3));
                      }));
  return out;
}

Result<bool> PersonTable::known(const UserId& user) {
  SOTTO_TRY_ASSIGN(const auto known, db_.one<bool>("SELECT known FROM person WHERE user_id = ?", user));
  return known.value_or(false);
}

Status PersonTable::ensure(const UserId& user) {
  return db_.run(
      "INSERT INTO person(user_id, known, blocked, profile_version, profile_wanted) VALUES(?, 0, 0, 0, 0) "
      "ON CONFLICT DO NOTHING",
      user);
}

Status PersonTable::set_known(const UserId& user) {
  SOTTO_TRY(ensure(user));
  return db_.run("UPDATE person SET known = 1 WHERE user_id = ?", user);
}

Status PersonTable::set_blocked(const UserId& user, bool blocked) {
  SOTTO_TRY(ensure(user));
  return db_.run("UPDATE person SET blocked = ? WHERE user_id = ?", blocked, user);
}

Result<std::vector<UserId>> PersonTable::blocked() {
  std::vector<UserId> out;
  SOTTO_TRY(db_.query("SELECT user_id FROM person WHERE blocked = 1 ORDER BY user_id",
                      [&](const store::Row& row) { out.push_back(row.get<UserId>(0)); }));
  return out;
}

Result<bool> PersonTable::any_blocked_in(const ChatId& chat) {
  SOTTO_TRY_ASSIGN(const auto found,
                   db_.one<bool>("SELECT EXISTS(SELECT 1 FROM participant p JOIN person b ON b.user_id = p.user_id "
                                 "WHERE p.chat_id = ? AND b.blocked = 1)",
                                 chat));
  return found.value_or(false);
}

Status PersonTable::set_last_seen(const UserId& user, std::int64_t time) {
  SOTTO_TRY(ensure(user));
  return db_.run("UPDATE person SET last_seen = max(coalesce(last_seen, 0), ?) WHERE user_id = ?", time, user);
}

Result<bool> PersonTable::want_profile(const UserId& user, const crypto::StreamKey& key, std::uint64_t version) {
  SOTTO_TRY(ensure(user));
  SOTTO_TRY(
      db_.run("UPDATE person SET profile_key = ?, profile_version = ?, profile_wanted = 1 "
              "WHERE user_id = ? AND profile_version < ?",
              key, version, user, version));
  return db_.changes() > 0;
}

Result<std::vector<PersonTable::Wanted>> PersonTable::wanted(std::size_t limit) {
  std::vector<Wanted> out;
  SOTTO_TRY(db_.query("SELECT user_id, profile_key, profile_version FROM person WHERE profile_wanted = 1 LIMIT ?",
                      limit, [&](const store::Row& row) {
                        out.push_back({row.get<UserId>(0), row.get<crypto::StreamKey>(1), row.get<std::uint64_t>(2)});
                      }));
  return out;
}

Status PersonTable::set_profile(const Wanted& wanted, const std::optional<Bytes>& profile) {
  if (profile) {
    return db_.run("UPDATE person SET profile = ?, profile_wanted = 0 WHERE user_id = ? AND profile_version = ?",
                   *profile, wanted.user, wanted.version);
  }
  return db_.run("UPDATE person SET profile_wanted = 0 WHERE user_id = ? AND profile_version = ?", wanted.user,
                 wanted.version);
}

Result<SelfRow> SelfTable::load() {
  std::optional<SelfRow> out;
  SOTTO_TRY(db_.query(
      "SELECT typing, presence, read_receipts, profile, profile_key, profile_version, profile_told, sealed_profile, "
      "blocks_version, blocks_told FROM self",
      [&](const store::Row& row) {
        SelfRow self;
        self.privacy = {row.get<bool>(0), row.get<bool>(1), row.get<bool>(2)};
        self.profile = row.blob(3);
        if (!row.is_null(4)) self.profile_key = row.get<crypto::StreamKey>(4);
        self.profile_version = row.get<std::uint64_t>(5);
        self.profile_told = row.get<std::uint64_t>(6);
        self.sealed_profile = row.blob(7);
        self.blocks_version = row.get<std::uint64_t>(8);
        self.blocks_told = row.get<std::uint64_t>(9);
        out = std::move(self);
      }));
  return out ? std::move(*out) : SelfRow{};
}

Status SelfTable::save(const SelfRow& row) {
  SOTTO_TRY(
      db_.run("INSERT OR REPLACE INTO self(id, typing, presence, read_receipts, profile, profile_version, "
              "profile_told, sealed_profile, blocks_version, blocks_told) VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              row.privacy.typing, row.privacy.presence, row.privacy.read_receipts, row.profile, row.profile_version,
              row.profile_told, row.sealed_profile, row.blocks_version, row.blocks_told));
  if (!row.profile_key) return {};
  return db_.run("UPDATE self SET profile_key = ?", *row.profile_key);
}

}  // namespace sotto::client
