// A chat in which somebody can do something.
#pragma once

#include "sim/world.h"

namespace sotto::sim {

struct PersonInChat {
  Device* person = nullptr;
  Chat chat;
};

inline std::optional<PersonInChat> pick_person_in_chat(World& world, bool groups_only) {
  const auto people = world.people();
  if (people.empty()) return std::nullopt;
  auto* person = world.workload.pick(people);
  auto chats = person->chats();
  std::erase_if(chats, [&](const Chat& chat) {
    return chat.status == ChatStatus::failed || (groups_only && chat.type != ChatType::group);
  });
  if (chats.empty()) return std::nullopt;
  return PersonInChat{person, world.workload.pick(chats)};
}

}  // namespace sotto::sim
