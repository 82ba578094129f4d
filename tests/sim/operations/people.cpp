// What people show and tell each other besides messages.
#include "client/tables/chat_table.h"
#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

class MarkRead final : public Operation {
  std::string_view name() const override { return "mark as read"; }
  unsigned since() const override { return 4; }
  unsigned weight() const override { return 14; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    if (at->chat.request == ChatRequest::pending && world.workload.chance(1, 2)) at->person->accept(at->chat.id);
    at->person->mark_read(at->chat.id);
    return true;
  }
};
class Type final : public Operation {
  std::string_view name() const override { return "type"; }
  unsigned since() const override { return 4; }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    at->person->type(at->chat.id, true);
    if (world.workload.chance(1, 3)) {
      auto* person = at->person;
      world.after(Milliseconds(world.workload.skewed(100, 10'000)),
                  [person, chat = at->chat.id] { person->type(chat, false); });
    }
    return true;
  }
};
/// The app comes to the front, for some minutes at most.
class Come final : public Operation {
  std::string_view name() const override { return "come"; }
  unsigned since() const override { return 4; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    person->set_available(true);
    world.after(Milliseconds(world.workload.skewed(1'000, 600'000)), [person] { person->set_available(false); });
    return true;
  }
};
class ShowProfile final : public Operation {
  std::string_view name() const override { return "show a profile"; }
  unsigned since() const override { return 4; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    Profile profile;
    profile.name = person->name() + " the " + std::to_string(world.workload.below(1'000'000)) + "th";
    profile.avatar.resize(static_cast<std::size_t>(world.workload.skewed(0, 40'000)), 7);
    person->show(profile);
    return true;
  }
};
/// For a while: what comes meanwhile in a direct chat is lost, as it should be.
class Block final : public Operation {
  std::string_view name() const override { return "block"; }
  unsigned since() const override { return 4; }
  unsigned weight() const override { return 1; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at || at->chat.type != ChatType::direct || at->chat.peer.is_zero()) return false;
    auto* person = at->person;
    person->block(at->chat.peer, true);
    world.after(Milliseconds(world.workload.skewed(1'000, 600'000)),
                [person, peer = at->chat.peer] { person->block(peer, false); });
    return true;
  }
};
const Registered<MarkRead> mark_read;
const Registered<Type> type;
const Registered<Come> come;
const Registered<ShowProfile> show_profile;
const Registered<Block> block;

}  // namespace
}  // namespace sotto::sim
