// What all stored formats of the relay have in common.
#pragma once

#include <wire/proto/relay_store.pb.h>

#include "relay/device_ref.h"
#include "sotto/result.h"
#include "wire/frame.h"

namespace sotto::relay {

/// The version of everything in relay_store.proto that this build writes.
inline constexpr std::uint32_t store_version = 1;

inline void put(stored::Device& to, const DeviceRef& device) {
  to.set_user_id(to_string_bytes(device.user));
  to.set_device_id(to_string_bytes(device.device));
}

inline bool get(const stored::Device& from, DeviceRef& device) {
  return assign_exact(device.user, wire::view(from.user_id())) &&
         assign_exact(device.device, wire::view(from.device_id()));
}

inline Error corrupt_record() { return {ErrorCode::CORRUPT, "a stored record does not parse"}; }

/// Errors: CORRUPT, NEWER_SCHEMA.
template <typename Message>
Result<Message> decode_stored(ByteView bytes) {
  auto message = wire::decode<Message>(bytes);
  if (!message.ok() || message->version() == 0) return corrupt_record();
  if (message->version() > store_version) return ErrorCode::NEWER_SCHEMA;
  return message;
}

}  // namespace sotto::relay
