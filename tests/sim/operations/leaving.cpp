// Who logs out and comes back, as the same user or as another one, and who deletes an account.
#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

/// Of honest people: who is hostile stays.
Device* pick_leaver(World& world) {
  auto* person = pick_person(world);
  return person != nullptr && world.oracle().is_hostile(*person) ? nullptr : person;
}

class LogOut final : public Operation {
  std::string_view name() const override { return "log out"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    auto* person = pick_leaver(world);
    if (person == nullptr) return false;
    person->log_out(LogOutData::keep);
    world.after(Milliseconds(world.workload.skewed(500, 3600 * 1000)), [person] { person->connect(); });
    return true;
  }
};
/// The relay keeps the account, which nobody has any more.
class LogOutAndErase final : public Operation {
  std::string_view name() const override { return "log out and erase"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 1; }
  bool run(World& world) override {
    auto* person = pick_leaver(world);
    if (person == nullptr || !world.workload.chance(1, 2)) return false;
    person->log_out(LogOutData::erase);
    return true;
  }
};
class DeleteAccount final : public Operation {
  std::string_view name() const override { return "delete an account"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 1; }
  bool run(World& world) override {
    auto* person = pick_leaver(world);
    if (person == nullptr) return false;
    person->delete_account();
    return true;
  }
};
const Registered<LogOut> log_out;
const Registered<LogOutAndErase> log_out_and_erase;
const Registered<DeleteAccount> delete_account;

}  // namespace
}  // namespace sotto::sim
