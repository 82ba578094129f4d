#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

std::string text_of(World& world, const Device& device) {
  auto text = device.name() + " says " + std::to_string(world.workload.below(1'000'000'000));
  text.resize(std::max<std::size_t>(text.size(), static_cast<std::size_t>(world.workload.skewed(0, 8'000))), '.');
  return text;
}

class Send final : public Operation {
  std::string_view name() const override { return "send"; }
  unsigned weight() const override { return 60; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    at->person->send(at->chat.id, text_of(world, *at->person));
    return true;
  }
};
class SendMany final : public Operation {
  std::string_view name() const override { return "send many"; }
  unsigned weight() const override { return 3; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    for (auto left = world.workload.skewed(2, 60); left > 0; --left) {
      at->person->send(at->chat.id, text_of(world, *at->person));
    }
    return true;
  }
};
/// As who comes back and answers everybody: its chats are all read and acked at once elsewhere.
class SendEverywhere final : public Operation {
  std::string_view name() const override { return "send everywhere"; }
  unsigned since() const override { return 7; }
  unsigned weight() const override { return 8; }
  bool run(World& world) override {
    auto* person = pick_person(world);
    if (person == nullptr) return false;
    bool any = false;
    for (const auto& chat : person->chats()) {
      if (chat.status == ChatStatus::failed) continue;
      person->send(chat.id, text_of(world, *person));
      any = true;
    }
    return any;
  }
};
const Registered<Send> send;
const Registered<SendMany> send_many;
const Registered<SendEverywhere> send_everywhere;

}  // namespace
}  // namespace sotto::sim
