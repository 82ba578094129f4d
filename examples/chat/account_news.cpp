#include "chat/account_news.h"

#include <ctime>

namespace chat {

namespace {

std::string ms(sotto::Timestamp time) { return std::to_string(time.time_since_epoch().count()); }

std::string local(sotto::Timestamp time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[64] = {};
  std::strftime(text, sizeof text, "%a %d %b at %H:%M", &parts);
  return text;
}

}  // namespace

std::optional<std::string> account_line(const sotto::Event& event) {
  if (const auto* it = std::get_if<sotto::RegistrationChanged>(&event)) {
    if (it->user) return "registration made " + it->user->to_string() + " " + it->handle;
    if (it->moves_at) return "registration waits " + ms(*it->moves_at) + " " + it->handle;
    return "registration refused " + std::string(it->problem ? error_name(it->problem->code) : "") + " " + it->handle;
  }
  if (const auto* it = std::get_if<sotto::HandleClaimed>(&event)) {
    if (it->moved) return "handle moved " + it->handle;
    return it->moves_at ? "handle claimed " + ms(*it->moves_at) + " " + it->handle : "handle kept " + it->handle;
  }
  if (const auto* it = std::get_if<sotto::HandleMoved>(&event)) {
    return "handle leads " + it->old_user.to_string() + " " + it->new_user.to_string() + " " + it->handle;
  }
  return std::nullopt;
}

std::optional<std::string> account_sentence(const sotto::Event& event) {
  if (const auto* it = std::get_if<sotto::RegistrationChanged>(&event)) {
    if (it->user) return "You are registered as " + it->handle + ".";
    if (it->moves_at) {
      return it->handle + " has another account, which may object: it is yours on " + local(*it->moves_at) + ".";
    }
    return it->handle + " was not registered: " + (it->problem ? it->problem->message : "");
  }
  if (const auto* it = std::get_if<sotto::HandleClaimed>(&event)) {
    if (it->moved)
      return it->handle +
             " belongs to another account now. Your chats stay as they are; /handle NAME gives you another name.";
    if (!it->moves_at) return it->handle + " stays yours.";
    return "Somebody has registered " + it->handle + " elsewhere. It moves there on " + local(*it->moves_at) +
           ", unless you type /keep.";
  }
  if (const auto* it = std::get_if<sotto::HandleMoved>(&event)) {
    return it->handle + " leads to another account than before. Make sure who it is before you write.";
  }
  return std::nullopt;
}

}  // namespace chat
