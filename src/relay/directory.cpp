#include "relay/directory.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "crypto/hash.h"
#include "relay/deletion.h"
#include "relay/record_keys.h"
#include "relay/session.h"
#include "wire/identity.h"
#include "wire/limits.h"

namespace sotto::relay {

Answer Directory::find_user(Call& call, const wire::FindUser& request) {
  if (auto status = wire::check_handle(request.handle()); !status.ok()) return wire::refusal(status.error());
  const auto handle = s_.record(call, s_.handles, keys::handle(request.handle()));
  if (!handle) return handle.answer;
  wire::Response response;
  if (handle->has_value()) {
    const auto owner = (*handle)->user;
    const auto user = s_.record(call, s_.users, keys::user(owner));
    if (!user) return user.answer;
    const auto& self = call.connection.sender.device.user;
    if (exists(*user) && (!(*user)->hidden || owner == self)) {
      response.mutable_user_found()->set_user_id(to_string_bytes(owner));
      *response.mutable_user_found()->mutable_device_list() = (*user)->list();
    }
  }
  const auto& asker = call.connection.sender.device.user;
  if (auto limited = s_.limit('f', {view(asker)}, s_.config.finds)) return limited;
  if (auto limited = s_.limit('F', {view(asker)}, s_.config.finds_a_day)) return limited;
  if (auto limited = s_.limit('w', {as_bytes(call.connection.address)}, s_.config.finds_address)) return limited;
  return response.has_user_found() ? response : refuse(ErrorCode::UNKNOWN_USER);
}

Answer Directory::get_device_list(Call& call, const wire::GetDeviceList& request) {
  const auto id = id_from<UserId>(wire::view(request.user_id()));
  if (!id) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto user = s_.record(call, s_.users, keys::user(*id));
  if (!user) return user.answer;
  if (!exists(*user)) return refuse(ErrorCode::UNKNOWN_USER);
  wire::Response response;
  *response.mutable_device_list()->mutable_device_list() = (*user)->list();
  return response;
}

Answer Directory::put_device_list(Call& call, const wire::PutDeviceList& request) {
  const auto own = call.connection.sender.device.user;
  const auto key = keys::user(own);
  const auto user = s_.record(call, s_.users, key);
  if (!user) return user.answer;
  if (!exists(*user)) return refuse(ErrorCode::UNKNOWN_USER);
  const UserRecord before = **user;

  const auto checked = wire::check_device_list(request.device_list());
  if (!checked.ok()) return wire::refusal(checked.error());
  if (checked->user != own) return refuse(ErrorCode::FORBIDDEN, "another user's device list");
  if (checked->hash == before.hash) return wire::Response{};
  if (checked->version != before.version + 1 || !equal(checked->prev_hash, before.hash.view())) {
    return refuse(ErrorCode::LIST_CONFLICT);
  }
  UserRecord after(request.device_list(), *checked);
  after.hidden = before.hidden;
  after.handles = before.handles;
  std::vector<DeviceRef> gone;
  for (const auto& device : before.devices) {
    const auto* now = after.find(device.device);
    if (now != nullptr && now->key == device.key && now->era == device.era) continue;
    if (now != nullptr && now->era <= device.era) {
      return refuse(ErrorCode::CERTIFICATE_REFUSED, "a device with a new key takes the next era");
    }
    gone.push_back({own, device.device});
  }
  Answer failure;
  if (!read_devices(s_, call, gone, failure)) return failure;
  if (auto limited = s_.limit('D', {view(own)}, s_.config.device_lists)) return limited;

  for (const auto& device : gone) forget_device(s_, device, key);
  s_.users.set(key, after);
  call.committed = [this, own, after] { session_.enforce(own, after); };
  return wire::Response{};
}

namespace {
crypto::Sha256Digest digest_of(const wire::PublishKeyPackages& request) {
  Bytes all;
  for (const auto& bytes : request.key_packages()) append(all, wire::view(bytes));
  return crypto::sha256(all);
}
}  // namespace

Answer Directory::publish(Call& call, const wire::PublishKeyPackages& request) {
  const auto count = static_cast<std::size_t>(request.key_packages_size());
  const auto too_large = [](const std::string& bytes) { return bytes.size() > wire::limits::key_package_bytes; };
  if (count > wire::limits::key_packages_per_device) return refuse(ErrorCode::LIMIT_EXCEEDED);
  if (std::ranges::any_of(request.key_packages(), too_large) || too_large(request.last_resort())) {
    return refuse(ErrorCode::TOO_LARGE);
  }
  if (std::ranges::any_of(request.key_packages(), &std::string::empty)) return refuse(ErrorCode::INVALID_ARGUMENT);
  const auto& device = call.connection.sender.device;
  const auto index_key = keys::key_package_index(device);
  const auto stored = s_.record(call, s_.key_indexes, index_key);
  if (!stored) return stored.answer;
  KeyPackageIndex index = stored->value_or(KeyPackageIndex{});
  const auto last_key = keys::last_resort(device);
  if (!request.last_resort().empty()) {
    const auto last = s_.record(call, s_.key_packages, last_key);
    if (!last) return last.answer;
  }
  const auto digest = digest_of(request);
  // Its answer was lost: the same again is not stored again, or two people would take the same key package.
  const bool repeat = count != 0 && index.last_request == digest;
  if (!repeat && index.count() + count > wire::limits::key_packages_per_device) {
    return refuse(ErrorCode::LIMIT_EXCEEDED);
  }
  if (auto limited = s_.limit('p', {view(device.user)}, s_.config.publishes)) return limited;

  if (repeat) {
    SOTTO_RARE(publishing_repeated);
  } else if (count != 0) {
    for (const auto& bytes : request.key_packages()) {
      const auto key = keys::key_package(device, index.next++);
      s_.key_packages.drop(key);
      s_.put_plain(key, to_bytes(wire::view(bytes)), index_key);
    }
    index.last_request = digest;
    s_.key_indexes.set(index_key, index);
  }
  if (!request.last_resort().empty()) {
    s_.key_packages.set(last_key, KeyPackageRecord{to_bytes(wire::view(request.last_resort()))});
  }
  wire::Response response;
  response.mutable_key_packages_published()->set_count(static_cast<std::uint32_t>(index.count()));
  return response;
}

bool Directory::look(Call& call, Found& found, Answer& failure) {
  const auto index = s_.record(call, s_.key_indexes, keys::key_package_index(found.device));
  if (!index) {
    if (index.answer) failure = index.answer;
    return false;
  }
  found.index = *index;
  const bool one_time = found.index && found.index->count() > 0;
  const auto key = one_time ? keys::key_package(found.device, found.index->first) : keys::last_resort(found.device);
  const auto package = s_.record(call, s_.key_packages, key);
  if (!package) {
    if (package.answer) failure = package.answer;
    return false;
  }
  if (package->has_value()) (one_time ? found.one_time : found.last_resort) = (*package)->bytes;
  return true;
}

void Directory::consume(const Found& found) {
  if (!found.index || found.index->count() == 0) return;
  auto rest = *found.index;
  ++rest.first;
  s_.key_indexes.set(keys::key_package_index(found.device), rest);
  s_.key_packages.set(keys::key_package(found.device, found.index->first), std::nullopt);
  if (rest.count() < wire::limits::key_packages_low) low_.insert(found.device);
}

Answer Directory::take(Call& call, const wire::TakeKeyPackages& request) {
  if (static_cast<std::size_t>(request.user_ids_size()) > wire::limits::users_per_take) {
    return refuse(ErrorCode::LIMIT_EXCEEDED, "more than 20 users at once");
  }
  const auto& taker = call.connection.sender.device;
  std::set<UserId> asked;
  std::vector<std::pair<UserId, std::optional<UserRecord>>> users;
  bool ready = true;
  Answer failure;
  for (const auto& raw : request.user_ids()) {
    const auto id = id_from<UserId>(wire::view(raw));
    if (!id || !asked.insert(*id).second) return refuse(ErrorCode::INVALID_ARGUMENT, "distinct userIds are wanted");
    const auto user = s_.record(call, s_.users, keys::user(*id));
    if (user) {
      users.emplace_back(*id, exists(*user) ? *user : std::nullopt);
    } else {
      ready = false;
      if (user.answer) failure = user.answer;
    }
  }
  std::vector<std::vector<Found>> found(users.size());
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (!users[i].second) continue;
    for (const auto& device : users[i].second->devices) {
      Found one{{users[i].first, device.device}, std::nullopt, {}, {}};
      // A device has no use for a key package of its own.
      if (one.device != taker && !look(call, one, failure)) ready = false;
      found[i].push_back(std::move(one));
    }
  }
  if (!ready) return failure;
  for (const auto& [id, record] : users) {
    if (id == taker.user) continue;
    if (auto limited = s_.limit('t', {view(taker.user), view(id)}, s_.config.takes)) return limited;
  }

  // As many users as fit one frame; the rest is asked for again.
  wire::Response response;
  auto& taken = *response.mutable_key_packages_taken();
  constexpr std::size_t room = wire::limits::frame_bytes - 4096;
  std::size_t used = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    wire::KeyPackagesTaken::User answer;
    answer.set_user_id(to_string_bytes(users[i].first));
    if (users[i].second) *answer.mutable_device_list() = users[i].second->list();
    for (const auto& one : found[i]) {
      auto& device = *answer.add_devices();
      device.set_device_id(to_string_bytes(one.device.device));
      device.set_last_resort(one.one_time.empty() && !one.last_resort.empty());
      device.set_key_package(wire::field(one.one_time.empty() ? one.last_resort : one.one_time));
    }
    used += answer.ByteSizeLong() + 8;
    if (used > room && i > 0) break;
    *taken.add_users() = std::move(answer);
    for (const auto& one : found[i]) consume(one);
  }
  call.committed = [this] {
    for (const auto& device : std::exchange(low_, {})) {
      auto* connection = s_.main_of(device);
      const auto index = s_.key_indexes.need(keys::key_package_index(device));
      if (connection == nullptr || !index || !index->has_value()) continue;
      wire::Push push;
      push.mutable_key_packages_low()->set_remaining(static_cast<std::uint32_t>((*index)->count()));
      s_.outbox.push(*connection, std::move(push));
    }
  };
  return response;
}

}  // namespace sotto::relay
