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

Reached reached(const std::vector<sotto::Receipt>& receipts) {
  Reached out;
  out.others = receipts.size();
  for (const auto& receipt : receipts) {
    out.delivered += receipt.delivered ? 1 : 0;
    out.read += receipt.read ? 1 : 0;
  }
  return out;
}

std::string mark(const sotto::Message& message, const std::optional<Reached>& group) {
  const auto of = [&](std::size_t count) { return std::to_string(count) + " of " + std::to_string(group->others); };
  switch (message.state) {
    case sotto::MessageState::queued:
    case sotto::MessageState::sending:
      return "…";
    case sotto::MessageState::sent:
      return group && group->delivered > 0 ? "✓ " + of(group->delivered) : "✓";
    case sotto::MessageState::delivered:
      return group && group->read > 0 ? "✓✓ read by " + of(group->read) : "✓✓";
    case sotto::MessageState::read:
      return "✓✓ read";
    case sotto::MessageState::failed:
      return "✗";
    case sotto::MessageState::received:
      break;
  }
  return {};
}

std::string typing_sentence(const sotto::ChatId& chat, const Session& session) {
  const auto users = session.presence().typing(chat);
  if (users.empty()) return {};
  if (users.size() == 1) return safe_name(users[0], session) + " is typing…";
  if (users.size() > 2) return std::to_string(users.size()) + " people are typing…";
  return safe_name(users[0], session) + " and " + safe_name(users[1], session) + " are typing…";
}

std::string presence_in_words(const sotto::UserId& user, Session& session) {
  if (session.presence().here(user)) return "here";
  const auto person = session.client().person(user);
  if (!person.ok() || !person->last_seen) return {};
  return "last seen " + time_of_day(*person->last_seen);
}

std::vector<std::string> person_in_words(const sotto::Person& person, Session& session) {
  std::vector<std::string> out{safe_name(person.user, session) + "  " + person.user.to_string()};
  if (!person.handle.empty()) out.push_back("found as " + printable_line(person.handle));
  for (auto& line : profile_in_words(person.profile)) out.push_back("says: " + std::move(line));
  if (const auto presence = presence_in_words(person.user, session); !presence.empty()) out.push_back(presence);
  if (person.blocked) out.push_back("blocked: /unblock ends that");
  if (!person.known) out.push_back("you have begun or accepted no chat with them");
  return out;
}

std::vector<std::string> profile_in_words(const sotto::Profile& profile) {
  std::vector<std::string> out;
  if (!profile.name.empty()) out.push_back("name: " + printable_line(profile.name));
  if (!profile.about.empty()) out.push_back("about: " + printable_line(profile.about));
  if (!profile.avatar.empty()) {
    out.push_back("picture: " + size_in_words(profile.avatar.size()) + " " + printable_line(profile.avatar_mime_type));
  }
  return out;
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
  if (chat.request == sotto::ChatRequest::pending) out += ", " + safe_name(chat.invited_by, session) + " asks";
  if (chat.request == sotto::ChatRequest::declined) out += ", declined";
  out += ")";
  if (chat.unread > 0) out += "  ● " + std::to_string(chat.unread) + " unread";
  if (chat.id == session.open_chat()) out += "  ← open";
  return out;
}

std::string request_sentence(const sotto::Chat& chat, const Session& session) {
  if (chat.request == sotto::ChatRequest::declined) return "You have declined: what is sent here is dropped. /accept?";
  if (chat.request != sotto::ChatRequest::pending) return {};
  return safe_name(chat.invited_by, session) +
         " asks to talk with you: /accept or /decline. Until then nothing is told of you.";
}

std::string size_in_words(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 4> units{" bytes", " KiB", " MiB", " GiB"};
  std::size_t unit = 0;
  std::uint64_t tenths = bytes * 10;
  for (; tenths >= 10 * 1024 && unit + 1 < units.size(); ++unit) tenths /= 1024;
  std::string out = std::to_string(tenths / 10);
  if (unit > 0 && tenths < 100) out += "." + std::to_string(tenths % 10);
  return out + std::string(units[unit]);
}

std::string attachment_line(std::size_t number, const sotto::Attachment& attachment) {
  static constexpr std::array<std::string_view, 4> kinds{"file", "picture", "video", "voice note"};  // AttachmentKind
  const auto kind = static_cast<std::size_t>(attachment.info.kind);
  std::string out = std::to_string(number) + "  ";
  if (!attachment.info.name.empty()) out += printable_line(attachment.info.name) + ", ";
  out += std::string(kinds[kind < kinds.size() ? kind : 0]) + ", " + size_in_words(attachment.size);
  const auto done = attachment.total == 0 ? 0 : attachment.transferred * 100 / attachment.total;
  const auto moving = [&](std::string_view what) {
    return ", " + (attachment.paused ? std::string("paused at") : std::string(what)) + " " + std::to_string(done) +
           " %";
  };
  switch (attachment.state) {
    case sotto::AttachmentState::preparing:
      return out + moving("preparing");
    case sotto::AttachmentState::uploading:
      return out + moving("sending");
    case sotto::AttachmentState::downloading:
      return out + moving("fetching");
    case sotto::AttachmentState::remote:
      return out + ", not fetched yet";
    case sotto::AttachmentState::expired:
      return out + (attachment.requested ? ", asked for again" : ", no longer at the relay");
    case sotto::AttachmentState::failed:
      return out + ", " + (attachment.problem ? sentence(*attachment.problem) : "failed");
    case sotto::AttachmentState::present:
      break;
  }
  return out;
}

std::string sentence(const sotto::Error& error) {
  return std::string(sotto::error_name(error.code)) + ": " + printable_line(error.message);
}

}  // namespace chat
