// What the crafters of mallory share.
#include "engine_craft.h"

#include "check.h"
#include "wire/mls_header.h"

namespace sotto::fuzz {

HostileMember::HostileMember(EngineWorld& world, const ChatId& mob)
    : world_(world),
      mob_(mob),
      account_(*must(client::AccountTable(*world.mallory->db).load())),
      storage_(*world.mallory->db, mob, 1),
      group_(must(mls::Group::load(storage_))) {}

wire::Push HostileMember::entries(const ChatId& chat, wire::Entry entry) {
  entry.set_seq(next_seq_++);
  entry.set_message_id(to_string_bytes(random_id<MessageId>(random())));
  entry.set_time(static_cast<std::uint64_t>(world_.net.now.time_since_epoch().count()));
  entry.set_sender_user(to_string_bytes(account_.user));
  entry.set_sender_device(to_string_bytes(account_.device));
  wire::Push push;
  push.mutable_entries()->set_chat_id(to_string_bytes(chat));
  push.mutable_entries()->set_generation(1);
  *push.mutable_entries()->add_entries() = std::move(entry);
  return push;
}

void HostileMember::message(ByteView content, ByteView aad) {
  wire::Entry entry;
  entry.set_message(wire::field(must(group_.encrypt(content, aad, mls::Padding::padme, random()))));
  world_.crafted.push_back(entries(mob_, std::move(entry)));
}

Bytes HostileMember::aad(std::uint64_t n) {
  return wire::encode(wire::CheckedMessageAad{random_id<ClientMessageId>(random()), n});
}

}  // namespace sotto::fuzz
