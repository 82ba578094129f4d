// The keys of the relay's records. Each family has a letter; what is scanned together has a common prefix.
#pragma once

#include "relay/backend/backend.h"
#include "relay/device_ref.h"

namespace sotto::relay::keys {

/// handle → userId.
RecordKey handle(std::string_view handle);
/// The user's device list.
RecordKey user(const UserId& user);
/// Session and ack numbers of a device.
RecordKey device(const DeviceRef& device);
/// What a device has acked in a chat.
RecordKey cursor(const ChatId& chat, const DeviceRef& device);
RecordKey cursors_of(const ChatId& chat);
/// How far a user has read a chat; among the chat's cursors, so that both are read together.
RecordKey read_mark(const ChatId& chat, const UserId& user);
/// The chats in which a device is owed something or will be.
RecordKey membership(const DeviceRef& device, const ChatId& chat);
RecordKey memberships_of(const DeviceRef& device);
/// One-time key packages of a device, their numbers, and the last-resort one.
RecordKey key_package(const DeviceRef& device, std::uint64_t number);
RecordKey key_package_index(const DeviceRef& device);
RecordKey last_resort(const DeviceRef& device);
/// The user's sealed profile, and whom the user does not want to hear of.
RecordKey profile(const UserId& user);
RecordKey blocks(const UserId& user);
/// Where a push gateway finds a device.
RecordKey push_token(const DeviceRef& device);
/// A deleted account whose devices are still to be released in their chats.
RecordKey deletion(const UserId& user);
RecordKey deletions();
/// The chats that got entries in a period.
RecordKey expiry(std::uint64_t period, const ChatId& chat);
RecordKey expiries();
/// The code sent to a phone number, who wants a handle that is another's, an invitation by the hash of its text; and
/// the families of them.
RecordKey code(std::string_view handle);
RecordKey claim(std::string_view handle);
RecordKey invite(const crypto::Sha256Digest& hash);
RecordKey codes();
RecordKey claims();
RecordKey invites();

/// What stands at the end of a key: the user of a `deletion` or `read_mark`, the chat of a `membership`, the device of
/// a `cursor`, and the parts of an `expiry`.
std::optional<UserId> user_of_deletion(ByteView key);
std::optional<ChatId> chat_of_membership(ByteView key);
std::optional<DeviceRef> device_of_cursor(ByteView key);
std::optional<UserId> user_of_read_mark(ByteView key);
struct ChatExpiry {
  std::uint64_t period = 0;
  ChatId chat;
};
std::optional<ChatExpiry> parse_expiry(ByteView key);

}  // namespace sotto::relay::keys
