// What admins, and those who are none, do to a group.
#include <algorithm>

#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

class Change : public Operation {
 public:
  Change(std::string_view name, unsigned weight, client::ChangeKind kind) : name_(name), weight_(weight), kind_(kind) {}
  std::string_view name() const override { return name_; }
  unsigned weight() const override { return weight_; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, kind_ != client::ChangeKind::refresh);
    if (!at) return false;
    UserId whom;
    if (kind_ == client::ChangeKind::add) {
      const auto& device = world.devices()[static_cast<std::size_t>(world.workload.below(world.devices().size()))];
      if (!device.registered()) return false;
      whom = device.user;
    } else if (kind_ == client::ChangeKind::remove) {
      const auto participants = at->person->participants(at->chat.id);
      if (participants.empty()) return false;
      whom = world.workload.pick(participants).user;
    }
    at->person->change(at->chat.id, kind_, whom, "name " + std::to_string(world.operations_done()));
    return true;
  }

 private:
  std::string_view name_;
  unsigned weight_;
  client::ChangeKind kind_;
};

struct Add final : Change {
  Add() : Change("add", 6, client::ChangeKind::add) {}
};
struct Remove final : Change {
  Remove() : Change("remove", 6, client::ChangeKind::remove) {}
};
struct Rename final : Change {
  Rename() : Change("rename", 4, client::ChangeKind::rename) {}
};
struct Refresh final : Change {
  Refresh() : Change("refresh keys", 4, client::ChangeKind::refresh) {}
};

/// All who have a group write to it and change it in the same moment: one gets the slot, and what the others wrote was
/// before or after it.
class AllAtOnce final : public Operation {
  std::string_view name() const override { return "all at once in a group"; }
  unsigned since() const override { return 2; }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, true);
    if (!at) return false;
    const auto participants = at->person->participants(at->chat.id);
    if (participants.empty()) return false;
    for (auto* person : world.people()) {
      const auto chats = person->chats();
      if (std::ranges::none_of(chats, [&](const Chat& chat) { return chat.id == at->chat.id; })) continue;
      const auto text = "at once, " + person->name() + ": " + std::to_string(world.operations_done());
      const auto choice = world.workload.below(8);
      if (choice < 2) person->change(at->chat.id, client::ChangeKind::refresh, {}, {});
      if (choice == 2) person->change(at->chat.id, client::ChangeKind::rename, {}, text);
      if (choice == 3) {
        person->change(at->chat.id, client::ChangeKind::remove, world.workload.pick(participants).user, {});
      }
      if (choice > 3 || world.workload.chance(1, 2)) person->send(at->chat.id, text);
    }
    return true;
  }
};
const Registered<Add> add;
const Registered<Remove> remove_user;
const Registered<Rename> rename_group;
const Registered<Refresh> refresh;
const Registered<AllAtOnce> all_at_once;

}  // namespace
}  // namespace sotto::sim
