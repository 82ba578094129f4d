// Phone numbers that get into other hands, and people who come back as another user.
#include <algorithm>

#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

/// Somebody without an account gets the number of somebody else.
class TakeNumber final : public Operation {
  std::string_view name() const override { return "take over a number"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    if (!world.wants_codes()) return false;
    std::vector<Device*> strangers;
    for (auto& device : world.devices()) {
      if (device.running() && !device.registered()) strangers.push_back(&device);
    }
    auto* owner = pick_person(world);
    if (owner == nullptr || strangers.empty()) return false;
    auto* stranger = world.workload.pick(strangers);
    world.gateways().give_number(owner->handle, *stranger);
    stranger->take_number(owner->handle);
    return true;
  }
};
/// Whoever is another user now takes the old one's place in a group.
class Replace final : public Operation {
  std::string_view name() const override { return "replace a participant"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 5; }
  bool run(World& world) override {
    struct Place {
      Device* admin;
      ChatId chat;
      UserId who;
      UserId by;
    };
    std::vector<Place> places;
    for (auto& device : world.devices()) {
      if (!device.registered()) continue;
      for (auto* admin : world.people()) {
        if (device.former.empty()) break;
        for (const auto& chat : admin->chats()) {
          if (chat.type != ChatType::group || chat.status != ChatStatus::active) continue;
          for (const auto& participant : admin->participants(chat.id)) {
            if (std::ranges::find(device.former, participant.user) == device.former.end()) continue;
            places.push_back({admin, chat.id, participant.user, device.user});
          }
        }
      }
    }
    if (places.empty()) return false;
    const auto& place = world.workload.pick(places);
    place.admin->replace(place.chat, place.who, place.by);
    return true;
  }
};
const Registered<TakeNumber> take_number;
const Registered<Replace> replace;

}  // namespace
}  // namespace sotto::sim
