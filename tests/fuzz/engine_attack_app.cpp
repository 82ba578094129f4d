// What the app asks of the engine while the relay is hostile.
#include "client/tables/account_table.h"
#include "client/tables/message_table.h"
#include "engine_attack.h"
#include "wire/identity.h"

namespace sotto::fuzz {

void Attack::app() {
  const auto chat = id_from<ChatId>(wire::view(some_id())).value_or(world_.chats.front());
  if (fresh_ && !must(client::AccountTable(db_).load())) return;
  switch (input_.ConsumeIntegral<std::uint8_t>() % 8) {
    case 0:
    case 1:
    case 2: {
      const auto message = written(chat);
      command<void>([&](auto done) { return client::SendCommand{message, {}, done}; });
      break;
    }
    case 3: {
      const auto* peer = pick(peers_, input_);
      client::CreateChatCommand create;
      create.type = input_.ConsumeBool() ? ChatType::direct : ChatType::group;
      create.chat = create.type == ChatType::direct ? wire::direct_chat_id(own_user(), peer->user)
                                                    : wire::random_group_id(random_);
      create.users = {peer->user};
      if (create.type == ChatType::group) create.name = "new " + std::to_string(chats_.size());
      names_[create.chat].insert(create.name);
      chats_.push_back(create.chat);
      command<Chat>([&](auto done) {
        create.done = done;
        return create;
      });
      break;
    }
    case 4:
    case 5: {
      client::ChangeChatCommand change;
      change.chat = chat;
      change.kind = static_cast<client::ChangeKind>(input_.ConsumeIntegral<std::uint8_t>() % 4);
      if (change.kind == client::ChangeKind::rename) {
        change.name = "renamed " + std::to_string(names_.size());
        names_[chat].insert(change.name);
      } else {
        change.user = pick(peers_, input_)->user;
      }
      command<void>([&](auto done) {
        change.done = done;
        return change;
      });
      break;
    }
    case 6: {
      const auto handle = std::array{"bob", "carol", "nobody"}[input_.ConsumeIntegral<std::uint8_t>() % 3];
      command<UserId>([&](auto done) { return client::FindUserCommand{handle, done}; });
      break;
    }
    default:
      if (input_.ConsumeBool()) {
        inputs_.emplace_back(client::DisconnectCommand{});
      } else {
        inputs_.emplace_back(client::ConnectCommand{});
      }
  }
}

/// Sends, forwards, fetches, and asks for files.
void Attack::app_media() {
  const auto chat = id_from<ChatId>(wire::view(some_id())).value_or(world_.chats.front());
  if (!must(client::AccountTable(db_).load())) return;
  const auto what = input_.ConsumeIntegral<std::uint8_t>() % 9;
  const auto index = static_cast<std::uint32_t>(input_.ConsumeIntegral<std::uint8_t>() % 3 == 0 ? 1 : 0);
  const auto shown = some_message(chat);
  const auto id = shown ? shown->id : ClientMessageId{};
  switch (what) {
    case 0: {
      OutgoingAttachment file;
      file.info.kind = AttachmentKind::image;
      file.info.name = "mine.jpg";
      file.info.thumbnail = Bytes(20, 9);
      // Of one part, or of two.
      file.bytes = Bytes(input_.ConsumeBool() ? 200 : 140'000, 3);
      const auto message = written(chat);
      attachments_.insert(attachment_as_shown(chat, message.sender, message.text, 0, file.info, file.bytes.size()));
      command<void>([&](auto done) { return client::SendCommand{message, {file}, done}; });
      break;
    }
    case 1: {
      auto to = chats_[input_.ConsumeIntegral<std::uint8_t>() % chats_.size()];
      if (!shown) break;
      auto message = written(to);
      message.text.clear();
      texts_.emplace(to, message.sender, shown->text);
      for (std::size_t i = 0; i < shown->attachments.size(); ++i) {
        const auto& one = shown->attachments[i];
        attachments_.insert(attachment_as_shown(to, message.sender, shown->text, i, one.info, one.size));
      }
      command<void>([&](auto done) { return client::ForwardCommand{chat, id, message, done}; });
      break;
    }
    case 2:
    case 3:
    case 4:
    case 5: {
      const auto action = what < 4 ? TransferAction::start : what == 4 ? TransferAction::pause : TransferAction::cancel;
      command<void>([&](auto done) { return client::TransferCommand{chat, id, index, action, done}; });
      break;
    }
    case 6:
      command<void>([&](auto done) { return client::RequestAttachmentCommand{chat, id, index, done}; });
      break;
    case 7: {
      DownloadPolicy policy;
      policy.documents = policy.videos = input_.ConsumeBool() ? 4ULL << 30 : 0;
      policy.on_metered = input_.ConsumeBool();
      inputs_.emplace_back(client::DownloadPolicyCommand{policy, input_.ConsumeBool()});
      break;
    }
    default: {
      const auto media = static_cast<std::int64_t>(input_.ConsumeIntegral<std::uint8_t>() % 12);
      if (input_.ConsumeBool()) {
        inputs_.emplace_back(client::AttachmentUsedCommand{media});
      } else {
        inputs_.emplace_back(client::AttachmentLostCommand{media, Error(ErrorCode::NOT_FOUND)});
      }
    }
  }
}

/// What the app says of its user, and of others; and how it leaves.
void Attack::app_people() {
  const auto chat = id_from<ChatId>(wire::view(some_id())).value_or(world_.chats.front());
  const bool yes = input_.ConsumeBool();
  const auto detail = input_.ConsumeIntegral<std::uint8_t>();
  switch (input_.ConsumeIntegral<std::uint8_t>() % 12) {
    case 0:
      inputs_.emplace_back(client::TypingCommand{chat, yes});
      break;
    case 1:
      inputs_.emplace_back(client::AvailableCommand{yes});
      break;
    case 2: {
      const auto shown = some_message(chat);
      const auto up_to = shown ? std::optional(shown->id) : std::nullopt;
      command<void>([&](auto done) { return client::MarkReadCommand{chat, up_to, done}; });
      break;
    }
    case 3:
      command<void>([&](auto done) {
        return client::AnswerRequestCommand{chat, yes ? RequestAnswer::accept : RequestAnswer::decline, done};
      });
      break;
    case 4:  // Not carol: she has something to say in the end.
      command<void>([&](auto done) {
        return client::BlockCommand{detail % 2 == 0 ? world_.mallory->user : world_.bob->user, yes, done};
      });
      break;
    case 5:
      command<void>([&](auto done) {
        return client::ProfileCommand{{"Alice " + std::to_string(detail), "", Bytes(detail, 1), "image/png"}, done};
      });
      break;
    case 6:
      command<void>([&](auto done) { return client::PrivacyCommand{{yes, detail % 2 == 0, detail % 4 < 2}, done}; });
      break;
    case 7:
      command<void>([&](auto done) { return client::SetPushTokenCommand{"token", Urgency::high, done}; });
      break;
    case 8:
      command<CodeSent>([&](auto done) { return client::RequestCodeCommand{yes ? "+4930123456" : "alice", done}; });
      break;
    case 9: {
      wire::Request request;
      request.mutable_set_pin()->set_pin_hash(std::string(32, 'p'));
      command<void>([&](auto done) { return client::AskCommand{request, done}; });
      break;
    }
    case 10:
      command<void>([&](auto done) {
        return client::ChangeHandleCommand{yes ? "alicia" : "alice", done, {std::string(detail % 7, '1'), "", {}}};
      });
      break;
    default:
      if (detail < 240) break;
      left_ = true;
      if (yes) {
        command<void>([&](auto done) { return client::DeleteAccountCommand{done}; });
      } else {
        command<void>([&](auto done) {
          return client::LogOutCommand{detail % 2 == 0 ? LogOutData::keep : LogOutData::erase, done};
        });
      }
  }
}

Message Attack::written(const ChatId& chat) {
  Message out;
  out.chat = chat;
  out.id = random_id<ClientMessageId>(random_);
  out.sender = own_user();
  out.text = "of alice " + std::to_string(texts_.size());
  out.sent_at = now_;
  texts_.emplace(chat, out.sender, out.text);
  return out;
}

std::optional<Message> Attack::some_message(const ChatId& chat) {
  auto messages = must(client::MessageTable(db_).page(chat, std::nullopt, 20));
  std::erase_if(messages, [](const Message& one) { return one.kind != MessageKind::text; });
  // As a rule, one that shows something.
  if (input_.ConsumeIntegral<std::uint8_t>() % 4 != 0) {
    std::erase_if(messages, [](const Message& one) { return one.attachments.empty(); });
  }
  if (messages.empty()) return std::nullopt;
  return pick(messages, input_);
}

UserId Attack::own_user() { return fresh_ ? must(client::AccountTable(db_).load())->user : world_.alice->user; }

}  // namespace sotto::fuzz
