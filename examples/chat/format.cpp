#include "chat/format.h"

#include <array>
#include <chrono>
#include <ctime>

#include "chat/text.h"

namespace chat {
namespace {

std::tm local_time(sotto::Timestamp time) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::seconds>(time));
  std::tm out{};
  ::localtime_r(&seconds, &out);
  return out;
}

std::string names_of(const std::vector<sotto::UserId>& users, const Session& session) {
  std::string out;
  for (const auto& user : users) out += (out.empty() ? "" : ", ") + safe_name(user, session);
  return out;
}

std::string notice_sentence(const sotto::Message& message, const Session& session) {
  const std::string who = safe_name(message.sender, session);
  const std::string users = names_of(message.notice.users, session);
  switch (message.notice.kind) {
    case sotto::NoticeKind::chat_created:
      return who + " started the chat";
    case sotto::NoticeKind::renamed:
      return who + " renamed the chat to \"" + printable_line(message.notice.text) + "\"";
    case sotto::NoticeKind::users_added:
      return who + " added " + users;
    case sotto::NoticeKind::users_removed:
      return who + " removed " + users;
    case sotto::NoticeKind::admins_changed:
      return who + " changed the admins";
    case sotto::NoticeKind::commit_ignored:
      return "a change by " + who + " broke the rules and was ignored";
    case sotto::NoticeKind::must_rejoin:
      return "this device cannot follow the chat any more";
  }
  return "something changed";
}

}  // namespace

std::string mark(const sotto::Message& message) {
  switch (message.state) {
    case sotto::MessageState::queued:
    case sotto::MessageState::sending:
      return "…";
    case sotto::MessageState::sent:
      return "✓";
    case sotto::MessageState::delivered:
    case sotto::MessageState::read:
      return "✓✓";
    case sotto::MessageState::failed:
      return "✗";
    case sotto::MessageState::received:
      break;
  }
  return {};
}

std::string time_of_day(sotto::Timestamp time) {
  const std::tm then = local_time(time);
  const std::tm now =
      local_time(std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  const bool today = then.tm_year == now.tm_year && then.tm_yday == now.tm_yday;
  std::array<char, 32> out{};
  const auto length = std::strftime(out.data(), out.size(), today ? "%H:%M" : "%d %b %H:%M", &then);
  return {out.data(), length};
}

std::string body(const sotto::Message& message, const Session& session) {
  switch (message.kind) {
    case sotto::MessageKind::text: {
      std::string out = printable(message.text);
      if (message.state == sotto::MessageState::failed && message.problem)
        out += "  (" + sentence(*message.problem) + ")";
      return out;
    }
    case sotto::MessageKind::notice:
      return notice_sentence(message, session);
    case sotto::MessageKind::placeholder:
      return "[cannot be shown" + (message.problem ? ": " + sentence(*message.problem) : "") + "]";
    case sotto::MessageKind::unknown:
      break;
  }
  return "[needs a newer version of this program]";
}

std::string safe_name(const sotto::UserId& user, const Session& session) { return printable_line(session.name(user)); }

std::string safe_title(const sotto::Chat& chat, const Session& session) { return printable_line(session.title(chat)); }

std::string list_line(std::size_t number, const sotto::Chat& chat, const Session& session) {
  std::string out = std::to_string(number) + "  " + safe_title(chat, session);
  out += chat.type == sotto::ChatType::group ? "  (group" : "  (direct";
  if (chat.status != sotto::ChatStatus::active) out += ", " + std::string(to_string(chat.status));
  out += ")";
  if (const auto unread = session.unread(chat.id); unread > 0) out += "  ● " + std::to_string(unread) + " unread";
  if (chat.id == session.open_chat()) out += "  ← open";
  return out;
}

std::string sentence(const sotto::Error& error) {
  return std::string(sotto::error_name(error.code)) + ": " + printable_line(error.message);
}

}  // namespace chat
