#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

/// A page of history, as an app shows it when a chat is opened: newest first, without repeats.
class Read final : public Operation {
  std::string_view name() const override { return "read"; }
  unsigned weight() const override { return 5; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    const World::Calm calm(world);
    const auto page = client::MessageTable(at->person->db()).page(at->chat.id, std::nullopt, 50);
    if (!page.ok()) violated("a calm store can be read", page.error().message);
    for (std::size_t i = 1; i < page->size(); ++i) {
      if ((*page)[i].position >= (*page)[i - 1].position) violated("a page is in order", at->person->name());
    }
    return true;
  }
};
const Registered<Read> registered;

}  // namespace
}  // namespace sotto::sim
