// What a device's user does with it, and what its store says.
#include <algorithm>

#include "client/tables/leaving_table.h"
#include "sim/calm_store.h"
#include "sim/device.h"
#include "sim/world.h"

namespace sotto::sim {

// ---- What its user does

template <typename T>
Completion<T> Device::expect(std::string what, std::function<void(const Result<T>&)> then) {
  const auto id = next_completion_++;
  pending_[id] = what;
  return [this, id, what = std::move(what), then = std::move(then), life = life_](Result<T> result) {
    if (life != life_) violated("no completion after the end", name() + ": " + what);
    if (pending_.erase(id) == 0) violated("every completion exactly once", name() + ": " + what);
    const auto code = result.ok() ? std::optional<ErrorCode>() : std::optional(result.error().code);
    trace(what + (code ? " ended with " + std::string(error_name(*code)) : " is done"));
    if (code) ++world_.counts.errors[*code];
    if (then) then(result);
  };
}

void Device::register_account() {
  if (world_.wants_codes() && code_.empty()) {
    command(client::RequestCodeCommand{handle, expect<CodeSent>("ask for a code")});
    // Who waits for a handle that is to move is asked for none.
    if (world_.workload.chance(3, 4)) return;
  }
  client::Credentials credentials;
  credentials.code = code_;
  command(client::RegisterCommand{handle,
                                  expect<UserId>("register",
                                                 [this](const Result<UserId>& result) {
                                                   if (result.ok()) return become(*result);
                                                   on_registration_refused(result.error().code);
                                                 }),
                                  std::move(credentials)});
}

void Device::become(const UserId& id) {
  const World::Calm calm(world_);
  user = id;
  device = must(client::AccountTable(*db_).load(), "account")->device;
  code_.clear();
  trace("is user " + brief(user.bytes));
}

void Device::on_registration_refused(ErrorCode code) {
  if (code == ErrorCode::WRONG_CODE || code == ErrorCode::CODE_REQUIRED) code_.clear();
  // Its owner keeps it.
  if (code == ErrorCode::HANDLE_TAKEN && world_.wants_codes()) handle = fresh_handle();
}

std::string Device::fresh_handle() {
  // A number that is still this person's is registered anew. Of other handles, whoever deletes an account gets its
  // back, and whoever leaves one behind does not.
  if (!world_.wants_codes()) {
    return deletes_ ? handle : "user" + std::to_string(index_) + " no. " + std::to_string(former.size() + 1);
  }
  if (world_.gateways().phone_of(handle) == this && world_.workload.chance(2, 3)) return handle;
  const auto number = "+4930" + std::to_string(100 + former.size()) + std::to_string(1000 + index_);
  world_.gateways().give_number(number, *this);
  return number;
}

void Device::on_code(const std::string& number, const std::string& code) {
  if (number != handle || registered()) return;
  trace("reads a code");
  code_ = code;
  register_account();
}

void Device::take_number(const std::string& number) {
  handle = number;
  code_.clear();
  register_account();
}

void Device::keep_handle() {
  client::AskCommand ask;
  ask.request.mutable_keep_handle();
  ask.done = expect<void>("keep the handle",
                          [this, number = handle, owner = user, since = world_.now()](const Result<void>& result) {
                            if (result.ok()) world_.oracle().handles.on_kept(number, owner, since);
                          });
  command(std::move(ask));
}

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
  command(client::FindUserCommand{whom, expect<UserId>("find " + whom)});
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

void Device::log_out(LogOutData data) {
  if (!running()) return;
  const bool erases = data == LogOutData::erase;
  // Of a deletion that was begun nothing takes it back.
  if (erases) may_be_erased_ = true;
  command(client::LogOutCommand{data, expect<void>(erases ? "log out and erase" : "log out",
                                                   [this, erases, connects = connects_](const Result<void>& result) {
                                                     if (!result.ok()) return;
                                                     if (erases) return world_.oracle().check_erased(*this);
                                                     logged_out_ = connects == connects_;
                                                   })});
}

void Device::delete_account() {
  if (!running()) return;
  may_be_erased_ = deletes_ = true;
  logged_out_ = false;
  ++connects_;
  command(
      client::DeleteAccountCommand{expect<void>("delete the account", [this, whose = user](const Result<void>& result) {
        if (!result.ok()) {
          // This device logs out already.
          if (result.error().code == ErrorCode::CONFLICT) deletes_ = false;
          return;
        }
        world_.oracle().on_told_deleted(whose);
        world_.oracle().check_erased(*this);
      })});
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
  if (const auto token = must(client::PushTokenTable(*db_).load(), "push token"); token && !token->told_to)
    return false;
  return must(media.unready(1), "media").empty() && !waits(must(client::OutboxTable(*db_).chats(), "outbox")) &&
         !waits(must(client::IntentTable(*db_).chats(), "intents"));
}

}  // namespace sotto::sim
