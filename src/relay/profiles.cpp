#include "relay/profiles.h"

#include <algorithm>

#include "crypto/hash.h"
#include "relay/record_keys.h"
#include "wire/limits.h"

namespace sotto::relay {

Answer Profiles::set_profile(Call& call, const wire::SetProfile& request) {
  ProfileRecord record{request.version(), {}, to_bytes(wire::view(request.profile()))};
  if (request.version() == 0 || !assign_exact(record.token_hash, wire::view(request.token_hash()))) {
    return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  if (record.profile.size() > wire::limits::profile_bytes) return refuse(ErrorCode::TOO_LARGE);
  const auto& user = call.connection.sender.device.user;
  const auto key = keys::profile(user);
  const auto stored = s_.record(call, s_.profiles, key);
  if (!stored) return stored.answer;
  if (stored->has_value()) {
    const auto& before = **stored;
    const bool same =
        before.version == record.version && before.token_hash == record.token_hash && before.profile == record.profile;
    if (same) return wire::Response{};
    if (record.version <= before.version) return refuse(ErrorCode::CONFLICT, "a newer profile is here");
  }
  if (auto limited = s_.limit('o', {view(user)}, s_.config.profiles)) return limited;
  s_.profiles.set(key, std::move(record));
  return wire::Response{};
}

Answer Profiles::get_profile(Call& call, const wire::GetProfile& request) {
  const auto user = id_from<UserId>(wire::view(request.user_id()));
  if (!user || request.token().size() != 32) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto stored = s_.record(call, s_.profiles, keys::profile(*user));
  if (!stored) return stored.answer;
  const auto& taker = call.connection.sender.device.user;
  if (auto limited = s_.limit('g', {view(taker)}, s_.config.profile_fetches)) return limited;
  if (!stored->has_value() || (*stored)->profile.empty()) return refuse(ErrorCode::NOT_FOUND);
  const auto shown = crypto::sha256(wire::view(request.token()));
  if (!equal(shown.view(), (*stored)->token_hash.view())) return refuse(ErrorCode::FORBIDDEN, "another token");
  wire::Response response;
  response.mutable_profile()->set_profile(wire::field((*stored)->profile));
  response.mutable_profile()->set_version((*stored)->version);
  return response;
}

Answer Profiles::set_block_list(Call& call, const wire::SetBlockList& request) {
  if (static_cast<std::size_t>(request.user_ids_size()) > wire::limits::blocked_users) {
    return refuse(ErrorCode::LIMIT_EXCEEDED);
  }
  BlockRecord record;
  for (const auto& raw : request.user_ids()) {
    if (!assign_exact(record.users.emplace_back(), wire::view(raw))) return refuse(ErrorCode::INVALID_ARGUMENT);
  }
  std::ranges::sort(record.users);
  // Not std::ranges::unique: clang 14 does not compile it.
  record.users.erase(std::unique(record.users.begin(), record.users.end()), record.users.end());
  const auto& user = call.connection.sender.device.user;
  const auto key = keys::blocks(user);
  const auto stored = s_.record(call, s_.blocks, key);
  if (!stored) return stored.answer;
  if (auto limited = s_.limit('B', {view(user)}, s_.config.block_lists)) return limited;
  s_.blocks.set(key, record.users.empty() ? std::nullopt : std::optional(std::move(record)));
  return wire::Response{};
}

std::optional<bool> hides_receipts(State& state, const Chat& chat, const UserId& user) {
  if (chat.fold.type != wire::DIRECT) return false;
  const auto blocks = state.blocks.need(keys::blocks(user));
  if (!blocks) return blocks.answer ? std::optional(true) : std::nullopt;
  if (!blocks->has_value()) return false;
  const auto users = chat.fold.roster.users();
  return std::ranges::any_of(users, [&](const UserId& other) { return (*blocks)->contains(other); });
}

}  // namespace sotto::relay
