#include "chat/chat_commands.h"

#include <utility>

namespace chat {

using sotto::Result;

namespace {

void answer(const Call& call, sotto::RequestAnswer answer) {
  if (const auto chat = call.open_chat()) {
    call.session.client().answer_request(*chat, answer, call.finish_change());
  }
}

void change(const Call& call, sotto::ParticipantOperation operation) {
  call.session.change(call.command.rest, operation, call.finish_change());
}

}  // namespace

void list(const Call& call) {
  const auto chats = call.session.list();
  if (!chats.ok()) return call.fail(chats.error());
  call.view.show_chats(*chats);
  call.view.ok(call.command.name, std::to_string(chats->size()));
}

void open(const Call& call) {
  const auto chat = call.session.resolve(call.command.rest);
  if (!chat.ok()) return call.fail(chat.error());
  call.session.open(chat->id);
  call.view.show_opened(*chat);
  call.view.ok(call.command.name, chat->id.to_string());
}

void new_direct(const Call& call) { call.session.new_direct(call.command.rest, call.finish_new_chat()); }

void new_group(const Call& call) {
  auto words = call.command.words();
  if (words.size() < 2) return call.misuse("/group TITLE NAME NAME …");
  std::string title = std::move(words.front());
  words.erase(words.begin());
  call.session.new_group(std::move(title), std::move(words), call.finish_new_chat());
}

void add(const Call& call) { change(call, sotto::ParticipantOperation::add); }
void remove(const Call& call) { change(call, sotto::ParticipantOperation::remove); }

void replace(const Call& call) {
  const auto chat = call.open_chat();
  const auto words = call.command.words();
  if (!chat) return;
  const auto old_user = words.size() == 2 ? sotto::UserId::parse(words[0]) : std::nullopt;
  if (!old_user) return call.misuse("/replace USERID NAME");
  call.session.look_up(words[1], [&client = call.session.client(), chat = *chat, old = *old_user,
                                  done = call.finish_change()](Result<sotto::UserId> user) {
    if (!user.ok()) return done(user.error());
    client.replace_participant(chat, old, *user, done);
  });
}

void rename(const Call& call) {
  if (const auto chat = call.open_chat()) {
    call.session.client().rename(*chat, call.command.rest, call.finish_change());
  }
}

void refresh(const Call& call) {
  if (const auto chat = call.open_chat()) call.session.client().refresh_keys(*chat, call.finish_change());
}

void who(const Call& call) {
  const auto chat = call.open_chat();
  if (!chat) return;
  const auto people = call.session.client().participants(*chat);
  if (!people.ok()) return call.fail(people.error());
  call.view.show_people(*people);
  call.view.ok(call.command.name, std::to_string(people->size()));
}

void accept(const Call& call) { answer(call, sotto::RequestAnswer::accept); }
void decline(const Call& call) { answer(call, sotto::RequestAnswer::decline); }

void mark_read(const Call& call) {
  if (const auto chat = call.open_chat()) {
    call.session.client().mark_read(*chat, std::nullopt, call.finish_change());
  }
}

void receipts(const Call& call) {
  const auto chat = call.open_chat();
  if (!chat) return;
  const auto message = call.session.own_message(*chat, call.command.rest);
  if (!message.ok()) return call.fail(message.error());
  const auto all = call.session.client().receipts(*chat, message->id);
  if (!all.ok()) return call.fail(all.error());
  call.view.show_receipts(*message, *all);
  call.view.ok(call.command.name, message->id.to_string());
}

void more(const Call& call) {
  if (!call.open_chat()) return;
  call.view.show_older();
  call.view.ok(call.command.name, {});
}

void say(const Call& call) {
  const auto chat = call.open_chat();
  if (!chat) return;
  // The completion gets the id by way of this box, since `send` returns it only after taking the completion.
  auto id = std::make_shared<std::string>();
  const auto message = call.session.client().send(*chat, call.command.rest, call.finish<void>([id] { return *id; }));
  if (!message.ok()) return call.fail(message.error());
  *id = message->id.to_string();
}

}  // namespace chat
