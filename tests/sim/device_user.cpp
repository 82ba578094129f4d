// What a device's user does with it, and what its store says.
#include <algorithm>

#include "client/tables/account_table.h"
#include "client/tables/leaving_table.h"
#include "sim/calm_store.h"
#include "sim/expect.h"
#include "sim/world.h"

namespace sotto::sim {

// ---- What its user does

void Device::replace(const ChatId& chat, const UserId& who, const UserId& by) {
  command(client::ChangeChatCommand{
      chat, client::ChangeKind::replace, who, {}, expect<void>("replace in " + brief(chat.bytes)), by});
}

void Device::ask_for_attachment(const Message& message) {
  if (running()) world_.oracle().on_asked_again(*this, message.id);
  command(client::RequestAttachmentCommand{message.chat, message.id, 0,
                                           expect<void>("ask again for " + brief(message.id.bytes))});
}

void Device::find_user(const std::string& whom) {
  command(client::FindUserCommand{
      whom, expect<UserId>("find " + whom, [this, whom, since = world_.now()](const Result<UserId>& result) {
        if (result.ok()) world_.oracle().handles.on_found(whom, *result, since);
      })});
}

void Device::create_direct(Device& peer) {
  const auto id = wire::direct_chat_id(user, peer.user);
  command(client::CreateChatCommand{id, ChatType::direct, {peer.user}, {}, expect<Chat>("create " + brief(id.bytes))});
}

void Device::create_group(const std::vector<Device*>& others, const std::string& group_name) {
  client::CreateChatCommand create{wire::random_group_id(random_), ChatType::group, {}, group_name, {}};
  for (const auto* other : others) create.users.push_back(other->user);
  create.done = expect<Chat>("create " + brief(create.chat.bytes));
  command(std::move(create));
}

void Device::send(const ChatId& chat, const std::string& text) {
  Message message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(random_);
  message.text = text;
  message.sent_at = local_now();
  world_.oracle().on_send(*this, message);
  command(client::SendCommand{
      message, {}, expect<void>("send " + brief(message.id.bytes), [this, id = message.id](const Result<void>& result) {
        world_.oracle().on_send_done(*this, id, result);
      })});
}

void Device::send_picture(const ChatId& chat, const std::string& caption, const Bytes& picture, bool as_file) {
  Message message;
  message.chat = chat;
  message.id = random_id<ClientMessageId>(random_);
  message.text = caption;
  message.sent_at = local_now();
  OutgoingAttachment attachment;
  attachment.info.kind = AttachmentKind::image;
  attachment.info.name = "picture.jpg";
  attachment.bytes = picture;
  if (as_file) {
    // Of the app's own making, so that only a full disk stands against it.
    const World::Calm calm(world_);
    const auto path = "/picture-" + brief(message.id.bytes);
    auto file = store::File::open(path, store::File::Mode::write, disk().vfs_name());
    if (file.ok() && file->write(0, picture).ok() && file->sync().ok()) {
      attachment.path = path;
      attachment.bytes.clear();
    }
  }
  world_.oracle().on_send(*this, message);
  world_.oracle().on_attach(message.id, picture);
  command(client::SendCommand{
      message,
      {std::move(attachment)},
      expect<void>("send " + brief(message.id.bytes), [this, id = message.id](const Result<void>& result) {
        world_.oracle().on_send_done(*this, id, result);
      })});
}

void Device::mark_read(const ChatId& chat) {
  command(client::MarkReadCommand{chat, std::nullopt, expect<void>("mark " + brief(chat.bytes))});
}

void Device::accept(const ChatId& chat) {
  command(client::AnswerRequestCommand{chat, RequestAnswer::accept, expect<void>("accept " + brief(chat.bytes))});
}

void Device::type(const ChatId& chat, bool typing) {
  if (!running()) return;
  world_.oracle().on_type(*this, chat);
  command(client::TypingCommand{chat, typing});
}

void Device::set_available(bool available) { command(client::AvailableCommand{available}); }

void Device::show(const Profile& profile) {
  world_.oracle().on_show(*this, profile);
  command(client::ProfileCommand{profile, expect<void>("show a profile")});
}

void Device::block(const UserId& peer, bool blocked) {
  if (!running()) return;
  world_.oracle().on_block(*this, peer);
  command(client::BlockCommand{peer, blocked, expect<void>((blocked ? "block " : "unblock ") + brief(peer.bytes))});
}

void Device::set_push_token(const std::string& token, Urgency at_least) {
  command(client::SetPushTokenCommand{token, at_least, expect<void>("set a push token")});
}

void Device::sleep(Milliseconds at_most, bool closed) {
  if (!running()) return;
  trace("sleeps");
  closed ? close() : disconnect();
  asleep_ = true;
  world_.after(at_most, [this] { wake(); });
}

void Device::wake() {
  if (!std::exchange(asleep_, false)) return;
  trace("wakes");
  start();
  connect();
}

void Device::change(const ChatId& chat, client::ChangeKind kind, const UserId& who, const std::string& new_name) {
  static constexpr std::array<const char*, 4> names = {"add ", "remove ", "rename ", "refresh "};
  command(client::ChangeChatCommand{chat, kind, who, new_name,
                                    expect<void>(names.at(static_cast<std::size_t>(kind)) + brief(chat.bytes))});
}

// ---- What its store says

std::vector<Chat> Device::chats() {
  const World::Calm calm(world_);
  std::vector<Chat> out;
  std::optional<Chat> after;
  for (;;) {
    auto page = must(client::ChatTable(*db_).page(200, after), "chats");
    if (page.empty()) break;
    after = page.back();
    out.insert(out.end(), page.begin(), page.end());
  }
  std::ranges::sort(out, {}, &Chat::id);
  return out;
}

std::vector<Participant> Device::participants(const ChatId& chat) {
  const World::Calm calm(world_);
  return must(client::ChatTable(*db_).participants(chat), "participants");
}

bool Device::quiet() {
  const World::Calm calm(world_);
  if (!inputs_.empty()) return false;
  const auto waits = [&](const std::vector<ChatId>& ids) {
    return std::ranges::any_of(ids, [&](const ChatId& id) {
      const auto chat = must(client::ChatTable(*db_).find(id), "chat");
      return chat && (chat->status == ChatStatus::active || chat->status == ChatStatus::creating);
    });
  };
  if (const auto leaving = must(client::LeavingTable(*db_).load(), "leaving")) {
    if (*leaving != client::LeavingKind::logged_out) return false;
  }
  client::MediaTable media(*db_);
  using client::MediaState;
  for (const auto state : {MediaState::preparing, MediaState::uploading, MediaState::downloading}) {
    if (!must(media.in_state(state, 1), "media").empty()) return false;
  }
  // What only a relay that is there can be told of.
  const auto self = must(client::SelfTable(*db_).load(), "self");
  if (self.profile_told < self.profile_version || self.blocks_told < self.blocks_version) return false;
  if (!must(client::PersonTable(*db_).wanted(1), "people").empty()) return false;
  for (const auto& id : must(client::ChatTable(*db_).with_untold_mark(), "marks")) {
    const auto chat = must(client::ChatTable(*db_).find(id), "chat");
    if (chat->status == ChatStatus::active && chat->request == ChatRequest::none) return false;
  }
  if (must(client::AccountTable(*db_).handle_change(), "account")) return false;
  if (const auto token = must(client::PushTokenTable(*db_).load(), "push token"); token && !token->told_to)
    return false;
  return must(media.unready(1), "media").empty() && !waits(must(client::OutboxTable(*db_).chats(), "outbox")) &&
         !waits(must(client::IntentTable(*db_).chats(), "intents"));
}

}  // namespace sotto::sim
