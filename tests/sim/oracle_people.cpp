// What people were told of each other is true: nothing is shown as read that was not, nobody writes who does not, and
// a profile is one that its user has shown.
#include "client/tables/chat_table.h"
#include "client/tables/message_table.h"
#include "client/tables/person_table.h"
#include "sim/calm_store.h"
#include "sim/world.h"
#include "support/history.h"

namespace sotto::sim {

void Oracle::on_type(Device& device, const ChatId& chat) { typed_.insert({chat, device.user}); }
void Oracle::on_show(Device& device, const Profile& profile) { shown_[device.user].push_back(profile); }
void Oracle::on_block(Device& device, const UserId& peer) { blocked_.insert({device.index(), peer}); }

void Oracle::on_new_process(const Device& device) { typing_.erase(device.index()); }

bool Oracle::may_miss(const Device& device, const UserId& sender, const ChatId& chat) const {
  return blocked_.contains({device.index(), sender}) && chat == wire::direct_chat_id(device.user, sender);
}

void Oracle::on_signal(Device& device, const Event& event) {
  const auto* typing = std::get_if<TypingChanged>(&event);
  if (typing == nullptr || is_hostile(device)) return;
  const auto* writer = world_.device_of(typing->user);
  if (writer != nullptr && is_hostile(*writer)) return;
  if (!typed_.contains({typing->chat, typing->user})) {
    violated("nobody is shown to write who does not", device.name() + " in " + brief(typing->chat.bytes));
  }
  auto& shown = typing_[device.index()];
  const std::pair where(typing->chat, typing->user);
  const bool changes = typing->typing ? shown.insert(where).second : shown.erase(where) > 0;
  if (!changes) violated("typing is told when it changes", device.name() + " in " + brief(typing->chat.bytes));
}

void Oracle::check_people(Device& device) {
  if (!typing_[device.index()].empty()) violated("nobody writes for ever", device.name());
  client::PersonTable people(device.db());
  for (auto& other : world_.devices()) {
    if (!other.registered() || is_hostile(other) || &other == &device) continue;
    const auto profile = must(people.find(other.user), "a person").profile;
    const auto& shown = shown_[other.user];
    if (profile != Profile{} && std::ranges::find(shown, profile) == shown.end()) {
      violated("a profile is one that its user has shown", device.name() + " of " + other.name());
    }
  }
  for (const auto& chat : device.chats()) check_read(device, chat);
}

void Oracle::check_read(Device& device, const Chat& chat) {
  client::ChatTable chats(device.db());
  const auto row = must(chats.find(chat.id), "chat");
  const auto unread = must(client::MessageTable(device.db()).count_unread(chat.id, row->read_position), "unread");
  if (unread != row->unread) {
    violated("unread counts what was not read", device.name() + " in " + brief(chat.id.bytes) + ": " +
                                                    std::to_string(row->unread) + ", has " + std::to_string(unread));
  }
  if (row->status != ChatStatus::active) return;
  const auto reached = must(chats.reached_by_each_but(chat.id, device.user), "receipts");
  for (const auto& [user, how_far] : reached) {
    auto* reader = world_.device_of(user);
    if (reader == nullptr || !reader->running() || is_hostile(*reader)) continue;
    const auto own = must(client::ChatTable(reader->db()).find(chat.id), "chat");
    if (!own || own->status != ChatStatus::active) continue;
    const auto told = must(client::ChatTable(reader->db()).told_mark(chat.id), "mark");
    // A mark made while its reader had blocked somebody is told to nobody, one made while this device was out of the
    // chat not to it; and whether one is told again goes by the relay's clock.
    const bool certain = blocked_.empty() && world_.options().hostile == Hostile::none && !world_.relay_clock_was_set();
    if (how_far.read < told && told > row->joined_seq && certain) {
      violated("what was read is told to those who are there", device.name() + " knows of " + reader->name() +
                                                                   " up to " + place(chat.id, how_far.read) + ", not " +
                                                                   std::to_string(told));
    }
    for (const auto& message : must(test::whole_history(device.db(), chat.id), "history")) {
      if (message.state != MessageState::read || message.sender != device.user) continue;
      const auto seq = static_cast<std::uint64_t>(message.position / client::position::per_seq);
      if (own->read_seq < seq && own->joined_seq <= seq) {
        violated("nothing is shown as read that was not", device.name() + " " + place(chat.id, seq) + ", " +
                                                              reader->name() + " has read " +
                                                              std::to_string(own->read_seq));
      }
    }
  }
}

}  // namespace sotto::sim
