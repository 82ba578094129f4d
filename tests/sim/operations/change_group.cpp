// What admins, and those who are none, do to a group.
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
const Registered<Add> add;
const Registered<Remove> remove_user;
const Registered<Rename> rename_group;
const Registered<Refresh> refresh;

}  // namespace
}  // namespace sotto::sim
