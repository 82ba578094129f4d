// At the end: each picture is on each device that was told of it, and is what was sent.
#include "client/media/cipher_file.h"
#include "client/tables/media_table.h"
#include "client/tables/message_table.h"
#include "client/tables/request_table.h"
#include "crypto/hash.h"
#include "sim/calm_store.h"
#include "sim/world.h"
#include "support/history.h"

namespace sotto::sim {

namespace {

Result<crypto::Sha256Digest> hash_of(Device& device, client::MediaRow row) {
  auto file = store::File::open("/media/" + std::to_string(row.id), store::File::Mode::read, device.disk().vfs_name());
  if (!file.ok()) return file.error();
  client::FileOpener opener(std::move(*file), row.size, std::move(*row.key), *row.hash);
  crypto::Sha256 hash;
  for (;;) {
    auto part = opener.read();
    if (!part.ok()) return part.error();
    if (part->empty()) return hash.digest();
    hash.update(*part);
  }
}

}  // namespace

/// Who asked once is answered, if the sender is there: by the attachment, or by being told that there is none any more.
void Oracle::check_answered(Device& device, const Message& message) {
  const auto asked = asked_again_.find({device.user, message.id});
  const auto* sender = world_.device_of(message.sender);
  if (asked == asked_again_.end() || asked->second != 1 || sender == nullptr || !blocked_.empty()) return;
  for (const auto& user : {device.user, message.sender}) {
    const auto& members = logs_.at(message.chat).members;
    const auto on_roster = [&](const auto& it) { return it.first.user == user && it.second.on_roster(); };
    const auto in_chat = std::ranges::find_if(members, on_roster);
    // Who was away from the chat meanwhile was not asked, or does not hear of it.
    if (in_chat == members.end() || in_chat->second.owed.size() != 1) return;
  }
  const client::AttachmentRef ref{message.chat, message.sender, message.id, 0, 0, false};
  if (must(client::RequestTable(device.db()).waits(ref), "requests")) {
    violated("who asks for an attachment again is answered", device.name() + " " + brief(message.id.bytes));
  }
}

void Oracle::check_pictures(Device& device, const ChatId& chat) {
  client::MediaTable media(device.db());
  for (const auto& message : must(test::whole_history(device.db(), chat), "history")) {
    const auto picture = pictures_.find(message.id);
    if (picture == pictures_.end() || message.kind != MessageKind::text) continue;
    const auto where = device.name() + " " + brief(message.id.bytes);
    const auto refs = must(media.of_message(chat, message.sender, message.id), "attachments");
    if (refs.size() != 1) violated("a picture stays with its message", where);
    auto row = must(media.find(refs.front().media), "media");
    if (!row) violated("a picture stays with its message", where);
    if (row->state != client::MediaState::present) {
      // A message that could not be sent has none; nor has who is out of the chat's reach under a relay that lies.
      if (message.state == MessageState::failed || world_.options().hostile != Hostile::none) continue;
      if (row->state == client::MediaState::expired && world_.attachments_expire()) {
        check_answered(device, message);
        continue;
      }
      // Somebody else asked for it, so that it can be fetched once more: who did not decides for itself.
      if (row->state == client::MediaState::remote && was_asked_again(message.id)) continue;
      violated("what was told of can be fetched",
               where + " is " + std::string(to_string(message.attachments.at(0).state)));
    }
    const auto hash = hash_of(device, std::move(*row));
    if (!hash.ok() || *hash != picture->second) violated("a picture is what was sent", where);
  }
}

}  // namespace sotto::sim
