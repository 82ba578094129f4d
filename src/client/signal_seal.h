// How members seal what they say besides the log, so that the relay cannot read it, nor change who says it.
#pragma once

#include "client/chat_group.h"

namespace sotto::client {

class SignalSeal {
 public:
  SignalSeal(Context& context, ChatGroups& groups) : c_(context), groups_(groups) {}

  /// The chat's group is in a new epoch: its key is remembered for what is opened later.
  Status on_epoch(const ChatRow& chat);
  /// A wire.SealedSignal. Errors: those of loading the group.
  Result<Bytes> seal(const ChatRow& chat, const wire::Signal& signal);

  /// Whether it was sealed in an epoch that this device has not reached yet. Errors: storage.
  Result<bool> is_early(const ChatRow& chat, ByteView payload);

  struct Opened {
    UserId user;
    DeviceId device;
    wire::Signal signal;
  };
  /// Nothing if it does not open, or is not by the device that the relay names: then nobody said anything.
  /// Errors: storage.
  template <typename Push>
  Result<std::optional<Opened>> open(const ChatRow& chat, const Push& push) {
    const auto user = id_from<UserId>(wire::view(push.sender_user()));
    const auto device = id_from<DeviceId>(wire::view(push.sender_device()));
    if (!user || !device || push.generation() != chat.generation) return std::optional<Opened>();
    return open(chat, *user, *device, wire::view(push.payload()));
  }

 private:
  Result<std::optional<Opened>> open(const ChatRow& chat, const UserId& user, const DeviceId& device, ByteView payload);
  Result<std::optional<crypto::StreamKey>> key_of(const ChatRow& chat, const mls::Group& group, std::uint64_t epoch);

  Context& c_;
  ChatGroups& groups_;
};

}  // namespace sotto::client
