// Phone numbers that change, get into other hands and are locked, and people who come back as another user.
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
/// Somebody with an account gets another number, or a name: a fresh one, or somebody else's.
class ChangeHandle final : public Operation {
  std::string_view name() const override { return "change a handle"; }
  unsigned since() const override { return 7; }
  unsigned weight() const override { return 8; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    const auto handle = world.workload.chance(1, 2) ? pick_device(world).handle : fresh_handle(world, *person);
    if (world.wants_codes()) world.gateways().give_number(handle, *person);
    person->change_handle(handle);
    return true;
  }
  static std::string fresh_handle(World& world, const Device& person) {
    const auto number = std::to_string(1'000'000 + world.workload.below(9'000'000));
    return world.wants_codes() ? "+4940" + number : person.name() + " alias " + number;
  }
};
class Lock final : public Operation {
  std::string_view name() const override { return "lock a handle"; }
  unsigned since() const override { return 7; }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    const bool unlocks = world.workload.chance(1, 4);
    person->set_pin(unlocks ? std::nullopt : std::optional(random_pin(world.workload)));
    return true;
  }
};
const Registered<TakeNumber> take_number;
const Registered<Replace> replace;
const Registered<ChangeHandle> change_handle;
const Registered<Lock> lock;

}  // namespace
}  // namespace sotto::sim
