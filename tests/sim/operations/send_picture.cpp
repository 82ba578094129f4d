#include "client/tables/media_table.h"
#include "sim/calm_store.h"
#include "sim/operation.h"
#include "sim/operations/pick.h"
#include "support/history.h"

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
/// One that has expired, of who sent it.
class AskForPicture final : public Operation {
  std::string_view name() const override { return "ask for a picture again"; }
  unsigned since() const override { return 5; }
  unsigned weight() const override { return 4; }
  bool run(World& world) override {
    if (!world.attachments_expire()) return false;
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    const World::Calm calm(world);
    client::MediaTable media(at->person->db());
    for (const auto& message : must(test::whole_history(at->person->db(), at->chat.id), "history")) {
      if (message.attachments.empty() || message.sender == at->person->user) continue;
      const auto refs = must(media.of_message(message.chat, message.sender, message.id), "attachments");
      const auto row = refs.empty() ? std::nullopt : must(media.find(refs.front().media), "media");
      if (!row || row->state != client::MediaState::expired) continue;
      at->person->ask_for_attachment(message);
      return true;
    }
    return false;
  }
};
const Registered<SendPicture> send_picture;
const Registered<AskForPicture> ask_for_picture;

}  // namespace
}  // namespace sotto::sim
