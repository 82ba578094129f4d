#include "relay/deletion.h"

#include <algorithm>

#include "base/test_hooks.h"
#include "crypto/sign.h"
#include "relay/record_keys.h"
#include "relay/session.h"
#include "wire/identity.h"

namespace sotto::relay {

namespace {

constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;
/// Released in one step, and the pause until the next: others are served meanwhile.
constexpr std::size_t chats_a_step = 64;
constexpr std::uint64_t pause_ms = 20;
/// Until what could not be read is tried again.
constexpr std::uint64_t retry_ms = 10'000;

/// Reads a record of a request. False: still being read, or `failure` is set.
template <typename T>
bool read(State& state, Call& call, RecordCache<T>& cache, const RecordKey& key, Answer& failure) {
  const auto record = state.record(call, cache, key);
  if (!record && record.answer) failure = record.answer;
  return static_cast<bool>(record);
}

/// Forgets a record that was read.
template <typename T>
void forget(RecordCache<T>& cache, const RecordKey& key) {
  if (const auto record = cache.need(key); record && record->has_value()) cache.set(key, std::nullopt);
}

}  // namespace

bool read_devices(State& state, Call& call, const std::vector<DeviceRef>& devices, Answer& failure) {
  bool ready = true;
  for (const auto& device : devices) {
    ready = read(state, call, state.key_indexes, keys::key_package_index(device), failure) && ready;
    ready = read(state, call, state.key_packages, keys::last_resort(device), failure) && ready;
    ready = read(state, call, state.push_tokens, keys::push_token(device), failure) && ready;
  }
  return ready;
}

void forget_device(State& state, const DeviceRef& device, const Dependency& blame) {
  const auto index_key = keys::key_package_index(device);
  const auto index = state.key_indexes.need(index_key);
  if (index && index->has_value()) {
    const auto known = **index;
    for (auto number = known.first; number < known.next; ++number) {
      state.key_packages.drop(keys::key_package(device, number));
      state.remove_plain(keys::key_package(device, number), blame);
    }
    // The numbers go on: a key package that was taken is never mixed up with another.
    state.key_indexes.set(index_key, KeyPackageIndex{known.next, known.next});
  }
  if (!SOTTO_PLANTED(deleted_keys_kept)) forget(state.key_packages, keys::last_resort(device));
  forget(state.push_tokens, keys::push_token(device));
}

bool Deletion::read_user(Call& call, const UserId& user, const UserRecord& record, Answer& failure) {
  const auto devices = devices_of(user, record);
  bool ready = read_devices(s_, call, devices, failure);
  for (const auto& device : devices) ready = read(s_, call, s_.devices, keys::device(device), failure) && ready;
  for (const auto& handle : record.handles) ready = read(s_, call, s_.handles, keys::handle(handle), failure) && ready;
  ready = read(s_, call, s_.profiles, keys::profile(user), failure) && ready;
  ready = read(s_, call, s_.blocks, keys::blocks(user), failure) && ready;
  return ready;
}

void Deletion::forget_user(const UserId& user, const UserRecord& record) {
  for (const auto& device : devices_of(user, record)) {
    forget_device(s_, device, keys::user(user));
    forget(s_.key_indexes, keys::key_package_index(device));
    forget(s_.devices, keys::device(device));
  }
  forget(s_.profiles, keys::profile(user));
  forget(s_.blocks, keys::blocks(user));
  for (const auto& handle : record.handles) {
    const auto owner = s_.handles.need(keys::handle(handle));
    if (owner && owner->has_value() && (*owner)->user == user) s_.handles.set(keys::handle(handle), std::nullopt);
  }
}

void Deletion::block_others(const UserId& user, ConnectionId but, bool blocked) {
  for (const auto& [id, connection] : s_.connections) {
    const bool its = connection->kind != ConnectionKind::unauthenticated && connection->sender.device.user == user;
    if (!its || id == but) continue;
    connection->blocked = blocked;
    if (!blocked) s_.make_runnable(*connection);
  }
}

Answer Deletion::delete_account(Call& call, const wire::DeleteAccount& request) {
  const auto own = call.connection.sender.device.user;
  const auto key = keys::user(own);
  const auto user = s_.record(call, s_.users, key);
  if (!user) return user.answer;
  if (!exists(*user)) return refuse(ErrorCode::ACCOUNT_DELETED);
  const UserRecord before = **user;
  Answer failure;
  if (!read_user(call, own, before, failure)) return failure;
  const auto time = request.time();
  if (std::max(time, s_.wall) - std::min(time, s_.wall) > day_ms) {
    return refuse(ErrorCode::INVALID_ARGUMENT, "signed at another time, or a clock is wrong");
  }
  if (auto limited = s_.limit('X', {view(own)}, s_.config.device_lists)) return limited;
  const auto list = wire::check_device_list(before.list());
  if (!list.ok()) return wire::refusal(list.error());
  if (!crypto::verify(list->identity_key, wire::deletion_statement(own, time), wire::view(request.signature()))) {
    return refuse(ErrorCode::BAD_SIGNATURE);
  }

  DeletionRecord job;
  for (const auto& device : before.devices) job.devices.push_back(device.device);
  s_.put_plain(keys::deletion(own), job.encode(), key);
  forget_user(own, before);
  UserRecord tombstone;
  tombstone.deleted = true;
  tombstone.hash = before.hash;
  s_.users.set(key, tombstone);
  // What the user's devices have asked for by now would make anew what is forgotten here: it waits, and goes with them.
  call.barrier = true;
  block_others(own, call.connection.id, true);
  call.failed = [this, own, id = call.connection.id] { block_others(own, id, false); };
  call.committed = [this, own, tombstone] {
    session_.enforce(own, tombstone);
    after_.clear();
    if (due_ == 0) due_ = s_.now;
  };
  return wire::Response{};
}

Answer Deletion::log_out(Call& call) {
  const auto device = call.connection.sender.device;
  Answer failure;
  if (!read_devices(s_, call, {device}, failure)) return failure;
  forget_device(s_, device, keys::key_package_index(device));
  call.barrier = true;  // Nor does it come back by what the device has asked for by now.
  call.committed = [this, device] {
    for (const auto& [id, connection] : s_.connections) {
      const bool its = connection->kind != ConnectionKind::unauthenticated && connection->sender.device == device;
      if (its) s_.close(*connection, close_code::normal, "logged out");
    }
  };
  return wire::Response{};
}

void Deletion::look() { released_ = 0; }

std::optional<std::uint64_t> Deletion::next_look() const {
  if (due_ == 0 || reading_) return std::nullopt;
  return due_;
}

void Deletion::work() {
  if (due_ == 0 || s_.now < due_ || reading_) return;
  if (!job_) return find_job();
  if (!job_->checked && !check_job()) return;
  if (job_->devices.empty()) {
    s_.remove_plain(keys::deletion(job_->user), keys::deletion(job_->user));
    job_.reset();
    return;
  }
  if (!job_->chats.empty()) return release_chats();
  if (!job_->scanned) return scan_chats();
  device_done();
}

void Deletion::find_job() {
  reading_ = true;
  s_.backend.scan(keys::deletions(), after_, 1, [this](const Result<std::vector<Record>>& records) {
    reading_ = false;
    if (!records.ok()) {
      due_ = s_.now + retry_ms;
      return;
    }
    if (records->empty()) {
      // Those that are stuck are looked for again.
      due_ = after_.empty() ? 0 : s_.now + retry_ms;
      after_.clear();
      return;
    }
    after_ = records->front().key;
    const auto user = keys::user_of_deletion(after_);
    auto record = DeletionRecord::decode(records->front().value);
    if (user && record.ok()) begin_job(*user, std::move(record->devices));
  });
}

void Deletion::begin_job(const UserId& user, std::vector<DeviceId> devices) {
  job_.emplace();
  job_->user = user;
  job_->devices = std::move(devices);
}

bool Deletion::check_job() {
  const auto user = s_.users.need(keys::user(job_->user));
  if (!user && !user.answer) return false;
  job_->checked = user && user->has_value() && (*user)->deleted;
  if (job_->checked) return true;
  // Its tombstone was not written, and so the deletion failed.
  if (user) s_.remove_plain(keys::deletion(job_->user), keys::deletion(job_->user));
  job_.reset();
  return false;
}

void Deletion::scan_chats() {
  reading_ = true;
  const DeviceRef device{job_->user, job_->devices.back()};
  s_.backend.scan(keys::memberships_of(device), job_->after, chats_a_step,
                  [this](const Result<std::vector<Record>>& records) {
                    reading_ = false;
                    if (!job_) return;
                    if (!records.ok()) {
                      due_ = s_.now + retry_ms;
                      return;
                    }
                    for (const auto& record : *records) {
                      if (const auto chat = keys::chat_of_membership(record.key)) job_->chats.push_back(*chat);
                    }
                    job_->scanned = records->size() < chats_a_step;
                    if (!records->empty()) job_->after = records->back().key;
                  });
}

void Deletion::release_chats() {
  const DeviceRef device{job_->user, job_->devices.back()};
  std::erase_if(job_->chats, [&](const ChatId& id) {
    if (released_ >= chats_a_step) return false;
    const auto chat = s_.chats.need(id);
    if (!chat && !chat.answer) return false;
    ++released_;
    if (chat) {
      release(*s_.chats.find(id), device);
    } else {
      SOTTO_RARE(release_tried_again);
      job_->again = job_->stuck = true;
    }
    return true;
  });
  if (released_ >= chats_a_step) due_ = s_.now + pause_ms;
}

void Deletion::release(Chat& chat, const DeviceRef& device) {
  const bool kept = SOTTO_PLANTED(deleted_not_released);
  if (chat.fold.find(device) != nullptr && !chat.cursors[device].record.released && !kept) {
    chat.cursors[device].record.released = true;
    chat.dirty_cursors.insert(device);
    s_.dirty_chats.insert(chat.id);
    // The membership is what finds the chat again, should this not be written: it goes when it was.
    job_->again = true;
    return;
  }
  s_.remove_plain(keys::membership(device, chat.id), chat_dependency(chat.id));
}

void Deletion::device_done() {
  if (!std::exchange(job_->again, false)) job_->devices.pop_back();
  job_->scanned = false;
  job_->after.clear();
  // Others first, and later again.
  if (std::exchange(job_->stuck, false)) job_.reset();
}

}  // namespace sotto::relay
