#include "relay/counters.h"

#include <algorithm>
#include <tuple>

namespace sotto::relay {

std::string command_name(Command command) {
  switch (command) {
    case Command::kRegister:
      return "register";
    case Command::kAuthenticate:
      return "authenticate";
    case Command::kPublishKeyPackages:
      return "publish_key_packages";
    case Command::kTakeKeyPackages:
      return "take_key_packages";
    case Command::kFindUser:
      return "find_user";
    case Command::kGetDeviceList:
      return "get_device_list";
    case Command::kPutDeviceList:
      return "put_device_list";
    case Command::kCreateChat:
      return "create_chat";
    case Command::kSendMessage:
      return "send_message";
    case Command::kModifyChatParticipants:
      return "modify_chat_participants";
    case Command::kUpdateChat:
      return "update_chat";
    case Command::kGetChat:
      return "get_chat";
    case Command::kAck:
      return "ack";
    case Command::kCreateAttachment:
      return "create_attachment";
    case Command::kUploadAttachment:
      return "upload_attachment";
    case Command::kFetchAttachment:
      return "fetch_attachment";
    case Command::kReferenceAttachment:
      return "reference_attachment";
    case Command::kAttachmentReceived:
      return "attachment_received";
    case Command::kSetProfile:
      return "set_profile";
    case Command::kGetProfile:
      return "get_profile";
    case Command::kSetBlockList:
      return "set_block_list";
    case Command::kSendEphemeral:
      return "send_ephemeral";
    case Command::kSetReadMark:
      return "set_read_mark";
    case Command::kRequestCode:
      return "request_code";
    case Command::kSetPin:
      return "set_pin";
    case Command::kSetDiscovery:
      return "set_discovery";
    case Command::kKeepHandle:
      return "keep_handle";
    case Command::kDeleteAccount:
      return "delete_account";
    case Command::kLogOut:
      return "log_out";
    case Command::kSetPushToken:
      return "set_push_token";
    case Command::COMMAND_NOT_SET:
      return "none";
    default:
      return "command_" + std::to_string(static_cast<int>(command));
  }
}

const char* kind_name(ConnectionKind kind) {
  switch (kind) {
    case ConnectionKind::main:
      return "main";
    case ConnectionKind::media:
      return "media";
    case ConnectionKind::peek:
      return "peek";
    default:
      return "unauthenticated";
  }
}

void RequestCounts::add(Command command, std::uint32_t status) {
  const auto key = [](const Row& row) { return std::make_tuple(static_cast<int>(row.command), row.status); };
  const Row wanted{command, status, 0};
  auto it = std::ranges::lower_bound(rows_, key(wanted), {}, key);
  if (it == rows_.end() || key(*it) != key(wanted)) it = rows_.insert(it, wanted);
  ++it->count;
}

}  // namespace sotto::relay
