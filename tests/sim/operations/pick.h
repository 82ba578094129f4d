// A chat in which somebody can do something.
#pragma once

#include "sim/world.h"

namespace sotto::sim {

struct PersonInChat {
  Device* person = nullptr;
  Chat chat;
};

inline Device& pick_device(World& world) {
  return world.devices()[static_cast<std::size_t>(world.workload.below(world.devices().size()))];
}

/// Somebody who is there, or null.
inline Device* pick_person(World& world) {
  const auto people = world.people();
  return people.empty() ? nullptr : world.workload.pick(people);
}

inline std::optional<PersonInChat> pick_person_in_chat(World& world, bool groups_only) {
  auto* person = pick_person(world);
  if (person == nullptr) return std::nullopt;
  auto chats = person->chats();
  std::erase_if(chats, [&](const Chat& chat) {
    return chat.status == ChatStatus::failed || (groups_only && chat.type != ChatType::group);
  });
  if (chats.empty()) return std::nullopt;
  return PersonInChat{person, world.workload.pick(chats)};
}

}  // namespace sotto::sim
