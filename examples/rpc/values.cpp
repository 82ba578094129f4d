#include "rpc/values.h"

#include <array>

#include "chat/names.h"
#include "rpc/base64.h"

namespace rpc {

namespace {

std::string_view notice_name(sotto::NoticeKind kind) {
  static constexpr std::array<std::string_view, 7> names{"chatCreated",   "renamed",       "usersAdded", "usersRemoved",
                                                         "adminsChanged", "commitIgnored", "mustRejoin"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : "unknown";
}

std::string_view status_name(sotto::ChatStatus status) {
  switch (status) {
    case sotto::ChatStatus::creating:
      return "creating";
    case sotto::ChatStatus::active:
      return "active";
    case sotto::ChatStatus::must_rejoin:
      return "mustRejoin";
    case sotto::ChatStatus::update_needed:
      return "updateNeeded";
    case sotto::ChatStatus::removed:
      return "removed";
    default:
      return "failed";
  }
}

}  // namespace

std::int64_t milliseconds(sotto::Timestamp time) { return time.time_since_epoch().count(); }

std::string_view state_name(sotto::ConnectionState state) {
  switch (state) {
    case sotto::ConnectionState::connecting:
      return "connecting";
    case sotto::ConnectionState::catching_up:
      return "catchingUp";
    case sotto::ConnectionState::online:
      return "online";
    default:
      return "offline";
  }
}

std::string_view kind_name(sotto::AttachmentKind kind) {
  switch (kind) {
    case sotto::AttachmentKind::image:
      return "image";
    case sotto::AttachmentKind::video:
      return "video";
    case sotto::AttachmentKind::voice:
      return "voice";
    default:
      return "document";
  }
}

Out to_json(const sotto::Error& error) {
  Out out{{"code", error_name(error.code)}, {"message", error.message}, {"retryable", error.retryable}};
  if (error.retry_after.count() > 0) out["retryAfterMs"] = error.retry_after.count();
  return out;
}

Out to_json(const sotto::Attachment& attachment, std::size_t index) {
  const auto& info = attachment.info;
  Out out{{"index", index},
          {"kind", kind_name(info.kind)},
          {"size", attachment.size},
          {"state", to_string(attachment.state)},
          {"transferred", attachment.transferred},
          {"total", attachment.total}};
  if (attachment.paused) out["paused"] = true;
  if (attachment.requested) out["requested"] = true;
  if (!info.name.empty()) out["name"] = info.name;
  if (!info.mime_type.empty()) out["mimeType"] = info.mime_type;
  if (info.width != 0) out["width"] = info.width;
  if (info.height != 0) out["height"] = info.height;
  if (info.duration.count() != 0) out["durationMs"] = info.duration.count();
  if (!info.thumbnail.empty()) out["thumbnail"] = to_base64(info.thumbnail);
  if (!info.preview.empty()) out["preview"] = to_base64(info.preview);
  if (!info.waveform.empty()) out["waveform"] = to_base64(info.waveform);
  if (attachment.problem) out["problem"] = to_json(*attachment.problem);
  return out;
}

Out to_json(const sotto::Account& account) {
  Out out{{"userId", account.user.to_string()}, {"deviceId", account.device.to_string()}, {"handle", account.handle}};
  if (account.logged_out) out["loggedOut"] = true;
  return out;
}

Out to_json(const sotto::Chat& chat) {
  Out out{{"chatId", chat.id.to_string()},
          {"type", chat.type == sotto::ChatType::direct ? "direct" : "group"},
          {"status", status_name(chat.status)},
          {"name", chat.name},
          {"createdAt", milliseconds(chat.created_at)},
          {"lastActivity", milliseconds(chat.last_activity)},
          {"unread", chat.unread}};
  if (chat.type == sotto::ChatType::direct) out["peer"] = chat.peer.to_string();
  if (chat.request != sotto::ChatRequest::none) {
    out["request"] = chat.request == sotto::ChatRequest::pending ? "pending" : "declined";
  }
  if (!chat.invited_by.is_zero()) out["invitedBy"] = chat.invited_by.to_string();
  if (!chat.problem.empty()) out["problem"] = chat.problem;
  return out;
}

Out to_json(const sotto::Participant& participant) {
  Out out{{"userId", participant.user.to_string()}, {"admin", participant.admin}};
  if (!participant.handle.empty()) out["handle"] = participant.handle;
  return out;
}

Out to_json(const sotto::Receipt& receipt) {
  return {{"userId", receipt.user.to_string()}, {"delivered", receipt.delivered}, {"read", receipt.read}};
}

Out to_json(const sotto::Profile& profile) {
  Out out{{"name", profile.name}, {"about", profile.about}};
  if (!profile.avatar.empty()) out["avatar"] = to_base64(profile.avatar);
  if (!profile.avatar_mime_type.empty()) out["avatarMimeType"] = profile.avatar_mime_type;
  return out;
}

Out to_json(const sotto::Person& person) {
  Out out{{"userId", person.user.to_string()}, {"known", person.known}, {"blocked", person.blocked}};
  if (!person.handle.empty()) out["handle"] = person.handle;
  if (person.profile != sotto::Profile()) out["profile"] = to_json(person.profile);
  if (person.last_seen) out["lastSeen"] = milliseconds(*person.last_seen);
  return out;
}

Out to_json(const sotto::PrivacySettings& settings) {
  return {{"typing", settings.typing}, {"presence", settings.presence}, {"readReceipts", settings.read_receipts}};
}

Out to_json(const sotto::Message& message) {
  Out out{{"chatId", message.chat.to_string()},           {"messageId", message.id.to_string()},
          {"position", std::to_string(message.position)},  // above 2^53, where many languages round
          {"kind", chat::kind_name(message.kind)},        {"state", to_string(message.state)},
          {"sentAt", milliseconds(message.sent_at)}};
  if (!message.sender.is_zero()) out["sender"] = message.sender.to_string();
  if (!message.sender_device.is_zero()) out["senderDevice"] = message.sender_device.to_string();
  if (message.kind == sotto::MessageKind::text) out["message"] = message.text;
  for (std::size_t i = 0; i < message.attachments.size(); ++i) {
    out["attachments"].push_back(to_json(message.attachments[i], i));
  }
  if (message.kind == sotto::MessageKind::notice) {
    Out notice{{"kind", notice_name(message.notice.kind)}, {"users", Out::array()}};
    for (const auto& user : message.notice.users) notice["users"].push_back(user.to_string());
    if (!message.notice.text.empty()) notice["name"] = message.notice.text;
    out["notice"] = std::move(notice);
  }
  if (message.problem) out["problem"] = to_json(*message.problem);
  if (message.stored_at) out["storedAt"] = milliseconds(*message.stored_at);
  if (message.message_id) out["relayMessageId"] = message.message_id->to_string();
  return out;
}

Out to_json(const sotto::LoggedEvent& event) {
  Out out{{"cursor", event.cursor}};
  if (const auto* chat = std::get_if<sotto::ChatChanged>(&event.what)) {
    out["kind"] = "chatChanged";
    out["chat"] = to_json(chat->chat);
  } else if (const auto* added = std::get_if<sotto::MessageAdded>(&event.what)) {
    out["kind"] = "messageAdded";
    out["message"] = to_json(added->message);
  } else if (const auto* changed = std::get_if<sotto::MessageChanged>(&event.what)) {
    out["kind"] = "messageChanged";
    out["message"] = to_json(changed->message);
  } else {
    out["kind"] = "lost";
  }
  return out;
}

}  // namespace rpc
