#include "sim/operation.h"
#include "sim/operations/pick.h"

namespace sotto::sim {
namespace {

class SendPicture final : public Operation {
  std::string_view name() const override { return "send a picture"; }
  unsigned since() const override { return 3; }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    Bytes picture(static_cast<std::size_t>(world.workload.skewed(1, 1'500'000)));
    // Of bytes that tell one picture from another: random ones of this length would cost more than all else.
    const auto first = world.workload.below(UINT64_MAX);
    for (std::size_t i = 0; i < picture.size(); ++i) {
      picture[i] = static_cast<std::uint8_t>((first >> (i % 8 * 8)) + i / 8);
    }
    const bool as_file = world.workload.chance(1, 2);
    at->person->send_picture(at->chat.id, "picture " + std::to_string(first), picture, as_file);
    return true;
  }
};
const Registered<SendPicture> send_picture;

}  // namespace
}  // namespace sotto::sim
