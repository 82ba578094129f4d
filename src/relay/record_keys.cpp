#include "relay/record_keys.h"

namespace sotto::relay::keys {

namespace {

RecordKey key(char family, std::initializer_list<ByteView> parts) {
  RecordKey out{static_cast<std::uint8_t>(family)};
  for (const auto& part : parts) append(out, part);
  return out;
}

Bytes big_endian(std::uint64_t number) {
  Bytes out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(number >> shift));
  return out;
}

RecordKey of_device(char family, const DeviceRef& device, ByteView rest = {}) {
  return key(family, {view(device.user), view(device.device), rest});
}

/// A family's letter, a number, an id.
template <typename AnyId>
bool parse_numbered(ByteView key, std::uint64_t& number, AnyId& id) {
  if (key.size() != 25) return false;
  for (const auto byte : key.subspan(1, 8)) number = number << 8 | byte;
  return assign_exact(id, key.subspan(9));
}

}  // namespace

RecordKey handle(std::string_view handle) { return key('h', {as_bytes(handle)}); }
RecordKey user(const UserId& user) { return key('u', {view(user)}); }
RecordKey device(const DeviceRef& device) { return of_device('d', device); }
RecordKey cursor(const ChatId& chat, const DeviceRef& device) {
  return key('c', {view(chat), view(device.user), view(device.device)});
}
RecordKey cursors_of(const ChatId& chat) { return key('c', {view(chat)}); }
RecordKey read_mark(const ChatId& chat, const UserId& user) { return key('c', {view(chat), view(user)}); }
RecordKey membership(const DeviceRef& device, const ChatId& chat) { return of_device('m', device, view(chat)); }
RecordKey memberships_of(const DeviceRef& device) { return of_device('m', device); }
RecordKey key_package(const DeviceRef& device, std::uint64_t number) {
  return of_device('k', device, big_endian(number));
}
RecordKey key_package_index(const DeviceRef& device) { return of_device('i', device); }
RecordKey last_resort(const DeviceRef& device) { return of_device('l', device); }
RecordKey profile(const UserId& user) { return key('p', {view(user)}); }
RecordKey blocks(const UserId& user) { return key('b', {view(user)}); }
RecordKey push_token(const DeviceRef& device) { return of_device('P', device); }
RecordKey deletion(const UserId& user) { return key('D', {view(user)}); }
RecordKey deletions() { return key('D', {}); }
RecordKey expiry(std::uint64_t period, const ChatId& chat) { return key('e', {big_endian(period), view(chat)}); }
RecordKey expiries() { return key('e', {}); }
RecordKey code(std::string_view handle) { return key('C', {as_bytes(handle)}); }
RecordKey claim(std::string_view handle) { return key('H', {as_bytes(handle)}); }
RecordKey invite(const crypto::Sha256Digest& hash) { return key('I', {hash.view()}); }
RecordKey codes() { return key('C', {}); }
RecordKey claims() { return key('H', {}); }
RecordKey invites() { return key('I', {}); }

std::optional<UserId> user_of_deletion(ByteView key) {
  if (key.size() != 17) return std::nullopt;
  return id_from<UserId>(key.subspan(1));
}

std::optional<ChatId> chat_of_membership(ByteView key) {
  if (key.size() != 49) return std::nullopt;
  return id_from<ChatId>(key.subspan(33));
}

std::optional<DeviceRef> device_of_cursor(ByteView key) {
  DeviceRef out;
  if (key.size() != 49) return std::nullopt;
  assign_exact(out.user, key.subspan(17, 16));
  assign_exact(out.device, key.subspan(33));
  return out;
}

std::optional<UserId> user_of_read_mark(ByteView key) {
  if (key.size() != 33) return std::nullopt;
  return id_from<UserId>(key.subspan(17));
}

std::optional<ChatExpiry> parse_expiry(ByteView key) {
  ChatExpiry out;
  if (!parse_numbered(key, out.period, out.chat)) return std::nullopt;
  return out;
}

}  // namespace sotto::relay::keys
