#include "relay/records.h"

#include <algorithm>

#include "base/try.h"
#include "relay/store_codec.h"

namespace sotto::relay {

namespace {

template <typename Message>
Message begin() {
  Message out;
  out.set_version(store_version);
  return out;
}

}  // namespace

Bytes HandleRecord::encode() const {
  auto out = begin<stored::HandleRecord>();
  out.set_user_id(to_string_bytes(user));
  if (pin) out.set_pin_hash(wire::field(pin->view()));
  out.set_since(since);
  out.set_pin_tries(wrong_pins.count);
  out.set_pin_tries_since(wrong_pins.since);
  return wire::serialize(out);
}
Result<HandleRecord> HandleRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::HandleRecord>(bytes));
  HandleRecord out;
  if (!assign_exact(out.user, wire::view(in.user_id()))) return corrupt_record();
  if (!in.pin_hash().empty() && !assign_exact(out.pin.emplace(), wire::view(in.pin_hash()))) return corrupt_record();
  out.since = in.since();
  out.wrong_pins = {in.pin_tries(), in.pin_tries_since()};
  return out;
}

UserRecord::UserRecord(const wire::SignedDeviceList& list, const wire::CheckedDeviceList& checked)
    : signed_list(wire::serialize(list)), version(checked.version), hash(checked.hash) {
  for (const auto& certificate : checked.devices) {
    devices.push_back({certificate.device, certificate.device_key, certificate.era});
  }
}
const UserRecord::Device* UserRecord::find(const DeviceId& device) const {
  const auto it = std::ranges::find(devices, device, &Device::device);
  return it == devices.end() ? nullptr : &*it;
}
wire::SignedDeviceList UserRecord::list() const {
  auto parsed = wire::decode<wire::SignedDeviceList>(signed_list);
  return parsed.ok() ? std::move(*parsed) : wire::SignedDeviceList{};
}
Bytes UserRecord::encode() const {
  auto out = begin<stored::UserRecord>();
  out.set_signed_list(wire::field(signed_list));
  out.set_list_version(version);
  out.set_list_hash(wire::field(hash.view()));
  for (const auto& device : devices) {
    auto& to = *out.add_devices();
    to.set_device_id(to_string_bytes(device.device));
    to.set_device_key(wire::field(device.key.view()));
    to.set_era(device.era);
  }
  out.set_hidden(hidden);
  out.set_deleted(deleted);
  for (const auto& handle : handles) *out.add_handles() = handle;
  return wire::serialize(out);
}
Result<UserRecord> UserRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::UserRecord>(bytes));
  UserRecord out;
  out.signed_list = to_bytes(wire::view(in.signed_list()));
  out.version = in.list_version();
  if (!assign_exact(out.hash, wire::view(in.list_hash()))) return corrupt_record();
  for (const auto& from : in.devices()) {
    Device device;
    if (!assign_exact(device.device, wire::view(from.device_id())) ||
        !assign_exact(device.key, wire::view(from.device_key()))) {
      return corrupt_record();
    }
    device.era = from.era();
    out.devices.push_back(device);
  }
  out.hidden = in.hidden();
  out.deleted = in.deleted();
  out.handles.assign(in.handles().begin(), in.handles().end());
  return out;
}

std::vector<DeviceRef> devices_of(const UserId& user, const UserRecord& record) {
  std::vector<DeviceRef> out;
  for (const auto& device : record.devices) out.push_back({user, device.device});
  return out;
}

Bytes DeviceRecord::encode() const {
  auto out = begin<stored::DeviceRecord>();
  out.set_era(era);
  out.set_session(session);
  out.set_ack_no(ack_no);
  out.set_session_time(session_time);
  return wire::serialize(out);
}
Result<DeviceRecord> DeviceRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::DeviceRecord>(bytes));
  return DeviceRecord{in.era(), in.session(), in.ack_no(), in.session_time()};
}

Bytes CursorRecord::encode() const {
  auto out = begin<stored::CursorRecord>();
  out.set_acked_seq(acked);
  out.set_time(time);
  out.set_released(released);
  return wire::serialize(out);
}
Result<CursorRecord> CursorRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::CursorRecord>(bytes));
  return CursorRecord{in.acked_seq(), in.time(), in.released()};
}

Bytes ReadMarkRecord::encode() const {
  auto out = begin<stored::ReadMarkRecord>();
  out.set_time(time);
  out.set_generation(generation);
  out.mutable_sender()->set_user_id(to_string_bytes(sender.user));
  out.mutable_sender()->set_device_id(to_string_bytes(sender.device));
  out.set_payload(wire::field(payload));
  return wire::serialize(out);
}
Result<ReadMarkRecord> ReadMarkRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::ReadMarkRecord>(bytes));
  ReadMarkRecord out{in.time(), in.generation(), {}, to_bytes(wire::view(in.payload()))};
  if (!assign_exact(out.sender.user, wire::view(in.sender().user_id())) ||
      !assign_exact(out.sender.device, wire::view(in.sender().device_id()))) {
    return corrupt_record();
  }
  return out;
}

Bytes ProfileRecord::encode() const {
  auto out = begin<stored::ProfileRecord>();
  out.set_profile_version(version);
  out.set_token_hash(wire::field(token_hash.view()));
  out.set_profile(wire::field(profile));
  return wire::serialize(out);
}
Result<ProfileRecord> ProfileRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::ProfileRecord>(bytes));
  ProfileRecord out{in.profile_version(), {}, to_bytes(wire::view(in.profile()))};
  if (!assign_exact(out.token_hash, wire::view(in.token_hash()))) return corrupt_record();
  return out;
}

bool BlockRecord::contains(const UserId& user) const { return std::ranges::binary_search(users, user); }
Bytes BlockRecord::encode() const {
  auto out = begin<stored::BlockRecord>();
  for (const auto& user : users) out.mutable_users()->append(to_string_bytes(user));
  return wire::serialize(out);
}
Result<BlockRecord> BlockRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::BlockRecord>(bytes));
  BlockRecord out;
  const auto all = wire::view(in.users());
  if (all.size() % UserId::size_bytes != 0) return corrupt_record();
  for (std::size_t at = 0; at < all.size(); at += UserId::size_bytes) {
    assign_exact(out.users.emplace_back(), all.subspan(at, UserId::size_bytes));
  }
  return out;
}

Bytes KeyPackageIndex::encode() const {
  auto out = begin<stored::KeyPackageIndex>();
  out.set_first(first);
  out.set_next(next);
  if (last_request) out.set_last_request(wire::field(last_request->bytes));
  return wire::serialize(out);
}
Result<KeyPackageIndex> KeyPackageIndex::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::KeyPackageIndex>(bytes));
  if (in.next() < in.first()) return corrupt_record();
  KeyPackageIndex out{in.first(), in.next()};
  if (!in.last_request().empty() && !assign_exact(out.last_request.emplace(), wire::view(in.last_request())))
    return corrupt_record();
  return out;
}

Bytes PushToken::encode() const {
  auto out = begin<stored::PushToken>();
  out.set_token(token);
  out.set_high_only(high_only);
  return wire::serialize(out);
}
Result<PushToken> PushToken::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::PushToken>(bytes));
  return PushToken{in.token(), in.high_only()};
}

Bytes DeletionRecord::encode() const {
  auto out = begin<stored::Deletion>();
  for (const auto& device : devices) out.add_device_ids(to_string_bytes(device));
  return wire::serialize(out);
}
Result<DeletionRecord> DeletionRecord::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::Deletion>(bytes));
  DeletionRecord out;
  for (const auto& device : in.device_ids()) {
    if (!assign_exact(out.devices.emplace_back(), wire::view(device))) return corrupt_record();
  }
  return out;
}

Bytes BlobMeta::encode() const {
  auto out = begin<stored::BlobMeta>();
  out.set_user_id(to_string_bytes(user));
  out.set_token_hash(wire::field(token_hash.view()));
  out.set_recipients(recipients);
  for (const auto& who : received) out.add_received(to_string_bytes(who));
  return wire::serialize(out);
}
Result<BlobMeta> BlobMeta::decode(ByteView bytes) {
  SOTTO_TRY_ASSIGN(const auto in, decode_stored<stored::BlobMeta>(bytes));
  BlobMeta out;
  if (!assign_exact(out.user, wire::view(in.user_id())) || !assign_exact(out.token_hash, wire::view(in.token_hash()))) {
    return corrupt_record();
  }
  out.recipients = in.recipients();
  for (const auto& who : in.received()) {
    if (!assign_exact(out.received.emplace_back(), wire::view(who))) return corrupt_record();
  }
  return out;
}

}  // namespace sotto::relay
