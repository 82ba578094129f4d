// An entry as one device is to see it.
#pragma once

#include "relay/chat_fold.h"
#include "wire/message.h"

namespace sotto::relay {

/// The sender gets a stub; a device that the entry adds its own Welcome; nobody anything else's.
wire::Entry entry_for(const DeviceRef& device, const LogEntryAt& at);

/// The push with one entry at which the device joined.
wire::Push joined_push(const ChatId& chat, const ChatFold& fold, const DeviceRef& device, const LogEntryAt& at);

}  // namespace sotto::relay
