#include <algorithm>

#include "client/tables/media_table.h"
#include "sim/calm_store.h"
#include "sim/operation.h"
#include "sim/operations/pick.h"
#include "support/history.h"

namespace sotto::sim {
namespace {

void send_some_picture(World& world, const PersonInChat& at) {
  // Drawn in this order since workload 3.
  Bytes picture(static_cast<std::size_t>(world.workload.skewed(1, 1'500'000)));
  // Of bytes that tell one picture from another: random ones of this length would cost more than all else.
  const auto first = world.workload.below(UINT64_MAX);
  for (std::size_t i = 0; i < picture.size(); ++i) {
    picture[i] = static_cast<std::uint8_t>((first >> (i % 8 * 8)) + i / 8);
  }
  const bool as_file = world.workload.chance(1, 2);
  at.person->send_picture(at.chat.id, "picture " + std::to_string(first), picture, as_file);
}

/// The first one of others' that has expired; false if there is none.
bool ask_for_expired(World& world, Device& person, const ChatId& chat) {
  const World::Calm calm(world);
  client::MediaTable media(person.db());
  for (const auto& message : must(test::whole_history(person.db(), chat), "history")) {
    if (message.attachments.empty() || message.sender == person.user) continue;
    const auto refs = must(media.of_message(message.chat, message.sender, message.id), "attachments");
    const auto row = refs.empty() ? std::nullopt : must(media.find(refs.front().media), "media");
    if (!row || row->state != client::MediaState::expired) continue;
    person.ask_for_attachment(message);
    return true;
  }
  return false;
}

class SendPicture final : public Operation {
  std::string_view name() const override { return "send a picture"; }
  unsigned since() const override { return 3; }
  unsigned weight() const override { return 6; }
  bool run(World& world) override {
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    send_some_picture(world, *at);
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
    return ask_for_expired(world, *at->person, at->chat.id);
  }
};
/// One that expires while somebody is away, who asks for it then.
class MissPicture final : public Operation {
  std::string_view name() const override { return "miss a picture"; }
  unsigned since() const override { return 7; }
  unsigned weight() const override { return 12; }
  bool run(World& world) override {
    if (!world.attachments_expire()) return false;
    const auto at = pick_person_in_chat(world, false);
    if (!at) return false;
    for (auto* other : world.people()) {
      const auto chats = other->chats();
      const auto same = [&](const Chat& chat) { return chat.id == at->chat.id && chat.status == ChatStatus::active; };
      if (other == at->person || std::ranges::none_of(chats, same)) continue;
      // No notice by push brings it back.
      other->disconnect();
      world.after(Milliseconds(world.workload.between(14'000, 20'000)), [other] { other->connect(); });
      send_some_picture(world, *at);
      world.after(Milliseconds(world.workload.between(21'000, 40'000)), [&world, other, chat = at->chat.id] {
        if (other->running() && other->registered()) ask_for_expired(world, *other, chat);
      });
      return true;
    }
    return false;
  }
};
const Registered<SendPicture> send_picture;
const Registered<AskForPicture> ask_for_picture;
const Registered<MissPicture> miss_picture;

}  // namespace
}  // namespace sotto::sim
