// What a hostile member adds to the world of the engine's target, with all keys right. Mallory is in the chat `mob`
// with alice.
#pragma once

#include "client/group_storage.h"
#include "client/tables/account_table.h"
#include "engine_world.h"
#include "mls/group.h"

namespace sotto::fuzz {

/// Messages, commits, and Welcomes to whatever she likes. `key_packages` are alice's.
void craft_chats(EngineWorld& world, const ChatId& mob, std::vector<mls::KeyPackage> key_packages);
/// Messages with attachments that are not what they seem, hidden messages about attachments, and profiles.
void craft_attachments(EngineWorld& world, const ChatId& mob);
/// What is said besides the log.
void craft_signals(EngineWorld& world, const ChatId& mob);

/// Mallory's device, and her group of `mob`.
class HostileMember {
 protected:
  HostileMember(EngineWorld& world, const ChatId& mob);

  /// An entry of hers as the relay would push it, under the next seq.
  wire::Push entries(const ChatId& chat, wire::Entry entry);
  /// Encrypts it for `mob`, and adds it to what was crafted.
  void message(ByteView content, ByteView aad);
  /// What a message says beside the ciphertext: an id of its own, and a number.
  Bytes aad(std::uint64_t n);
  [[nodiscard]] Random& random() { return world_.net.random; }

  EngineWorld& world_;
  ChatId mob_;
  client::AccountRow account_;
  client::SqlGroupStorage storage_;
  mls::Group group_;
  std::uint64_t next_seq_ = 4;
};

}  // namespace sotto::fuzz
