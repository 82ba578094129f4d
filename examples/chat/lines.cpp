#include "chat/lines.h"

#include <array>

#include "chat/account_news.h"
#include "chat/names.h"
#include "chat/text.h"

namespace chat {
namespace {

std::string_view notice_name(sotto::NoticeKind kind) {
  static constexpr std::array<std::string_view, 7> names{
      "chat_created", "renamed", "users_added", "users_removed", "admins_changed", "commit_ignored", "must_rejoin"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : "unknown";
}

std::string attachment_kind_name(sotto::AttachmentKind kind) {
  static constexpr std::array<std::string_view, 4> names{"document", "image", "video", "voice"};
  const auto index = static_cast<std::size_t>(kind);
  return std::string(index < names.size() ? names[index] : "unknown");
}

std::string request_name(sotto::ChatRequest request) {
  static constexpr std::array<std::string_view, 3> names{"none", "pending", "declined"};
  const auto index = static_cast<std::size_t>(request);
  return std::string(index < names.size() ? names[index] : "unknown");
}

std::string type_name(sotto::ChatType type) { return type == sotto::ChatType::group ? "group" : "direct"; }

/// "CHAT STATUS TYPE UNREAD REQUEST TITLE".
std::string chat_fields(const sotto::Chat& chat, const Session& session) {
  return chat.id.to_string() + " " + std::string(to_string(chat.status)) + " " + type_name(chat.type) + " " +
         std::to_string(chat.unread) + " " + request_name(chat.request) + " " + escaped(session.title(chat));
}

std::string entry_text(const sotto::Message& message) {
  switch (message.kind) {
    case sotto::MessageKind::notice: {
      std::string out(notice_name(message.notice.kind));
      for (const auto& user : message.notice.users) out += " " + user.to_string();
      return message.notice.text.empty() ? out : out + " " + escaped(message.notice.text);
    }
    case sotto::MessageKind::text:
      if (!message.problem) return escaped(message.text);
      [[fallthrough]];
    default:
      return message.problem ? std::string(error_name(message.problem->code)) : "-";
  }
}

}  // namespace

std::string entry_line(const sotto::Message& message) {
  std::string out = std::to_string(message.position) + " " + message.id.to_string() + " " + message.sender.to_string();
  out += " " + std::string(kind_name(message.kind)) + " " + std::string(to_string(message.state));
  return out + " " + entry_text(message);
}

std::vector<std::string> attachment_lines(const sotto::Message& message, Session& session) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < message.attachments.size(); ++i) {
    const auto& attachment = message.attachments[i];
    out.push_back("attachment " + std::to_string(session.attachments().number(message, i)) + " " +
                  message.chat.to_string() + " " + message.id.to_string() + " " + std::to_string(i) + " " +
                  attachment_kind_name(attachment.info.kind) + " " + std::string(to_string(attachment.state)) + " " +
                  std::to_string(attachment.size) + " " + escaped(attachment.info.name));
  }
  return out;
}

std::string chat_line(std::size_t number, const sotto::Chat& chat, const Session& session) {
  return "chat " + std::to_string(number) + " " + chat_fields(chat, session);
}

std::vector<std::string> person_lines(const sotto::Person& person, const Session& session) {
  const auto seen = person.last_seen ? std::to_string(person.last_seen->time_since_epoch().count()) : "-";
  std::vector<std::string> out{"person " + person.user.to_string() + (person.known ? " known " : " unknown ") +
                               (person.blocked ? "blocked " : "heard ") + seen + " " +
                               escaped(session.name(person.user))};
  if (!person.handle.empty()) out.push_back("handle " + escaped(person.handle));
  for (auto& line : profile_lines(person.profile)) out.push_back(std::move(line));
  return out;
}

std::vector<std::string> profile_lines(const sotto::Profile& profile) {
  std::vector<std::string> out;
  if (!profile.name.empty()) out.push_back("name " + escaped(profile.name));
  if (!profile.about.empty()) out.push_back("about " + escaped(profile.about));
  if (!profile.avatar.empty()) {
    out.push_back("picture " + std::to_string(profile.avatar.size()) + " " + escaped(profile.avatar_mime_type));
  }
  return out;
}

std::string receipt_line(const sotto::Receipt& receipt) {
  return "receipt " + receipt.user.to_string() + (receipt.read ? " read" : receipt.delivered ? " delivered" : " sent");
}

std::vector<std::string> event_lines(const sotto::Event& event, Session& session) {
  std::vector<std::string> out;
  const auto add_entry = [&](const char* what, const sotto::Message& message) {
    out = attachment_lines(message, session);
    out.insert(out.begin(), what + message.chat.to_string() + " " + entry_line(message));
  };
  if (const auto* connection = std::get_if<sotto::ConnectionChanged>(&event)) {
    out.push_back("connection " + std::string(to_string(connection->state)) +
                  (connection->problem ? " " + std::string(error_name(connection->problem->code)) : ""));
  } else if (const auto* changed = std::get_if<sotto::ChatChanged>(&event)) {
    out.push_back("changed-chat " + chat_fields(changed->chat, session));
  } else if (const auto* added = std::get_if<sotto::MessageAdded>(&event)) {
    add_entry("added ", added->message);
  } else if (const auto* message = std::get_if<sotto::MessageChanged>(&event)) {
    add_entry("changed ", message->message);
  } else if (const auto* progress = std::get_if<sotto::AttachmentProgress>(&event)) {
    out.push_back("progress " + std::to_string(session.attachments().number(*progress)) + " " +
                  std::to_string(progress->transferred) + " " + std::to_string(progress->total));
  } else if (const auto* typing = std::get_if<sotto::TypingChanged>(&event)) {
    out.push_back("typing " + typing->chat.to_string() + " " + typing->user.to_string() +
                  (typing->typing ? " yes" : " no"));
  } else if (const auto* presence = std::get_if<sotto::PresenceChanged>(&event)) {
    out.push_back("presence " + presence->user.to_string() + (presence->available ? " here" : " gone"));
  } else if (const auto* person = std::get_if<sotto::PersonChanged>(&event)) {
    out.push_back("changed-person " + person->user.to_string() + " " + escaped(session.name(person->user)));
  } else if (const auto* receipts = std::get_if<sotto::ReceiptsChanged>(&event)) {
    out.push_back("changed-receipts " + receipts->chat.to_string() + " " + receipts->user.to_string());
  } else if (const auto news = account_line(event)) {
    out.push_back(escaped(*news));
  }
  return out;
}

}  // namespace chat
