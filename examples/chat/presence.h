// Who is writing and who is there, as far as it was told. In memory: whoever starts knows of nobody.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "sotto/client.h"

namespace chat {

class Presence {
 public:
  void on_event(const sotto::Event& event) {
    if (const auto* typing = std::get_if<sotto::TypingChanged>(&event)) {
      auto& users = typing_[typing->chat];
      typing->typing ? void(users.insert(typing->user)) : void(users.erase(typing->user));
    } else if (const auto* presence = std::get_if<sotto::PresenceChanged>(&event)) {
      presence->available ? void(here_.insert(presence->user)) : void(here_.erase(presence->user));
    }
  }
  [[nodiscard]] std::vector<sotto::UserId> typing(const sotto::ChatId& chat) const {
    const auto found = typing_.find(chat);
    if (found == typing_.end()) return {};
    return {found->second.begin(), found->second.end()};
  }
  [[nodiscard]] bool here(const sotto::UserId& user) const { return here_.contains(user); }

 private:
  std::map<sotto::ChatId, std::set<sotto::UserId>> typing_;
  std::set<sotto::UserId> here_;
};

}  // namespace chat
