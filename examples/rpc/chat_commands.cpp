#include "rpc/chat_commands.h"

#include <algorithm>

namespace rpc {

using sotto::ChatId;
using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;
using sotto::Status;
using sotto::UserId;

namespace {

constexpr std::size_t users_per_chat = 100;

/// `users` may name this user, too.
void create_chat_of(Service& service, const Reply& reply, std::vector<UserId> users, std::optional<std::string> name) {
  auto& client = service.client();
  const auto self = client.account();
  if (!self.ok()) return reply.error(self.error());
  if (!*self) return reply.error(Error(ErrorCode::NOT_REGISTERED));
  std::ranges::sort(users);
  if (std::ranges::adjacent_find(users) != users.end()) {
    return reply.error(Error(ErrorCode::INVALID_ARGUMENT, "participants name a user twice"));
  }
  std::erase(users, (*self)->user);
  if (users.empty()) return reply.error(Error(ErrorCode::INVALID_ARGUMENT, "participants name nobody else"));
  const auto done = [reply](const Result<sotto::Chat>& chat) {
    if (!chat.ok()) return reply.error(chat.error());
    reply.result({{"chatId", chat->id.to_string()}});
  };
  const auto chat = users.size() == 1 && !name
                        ? client.create_direct_chat(users.front(), done)
                        : client.create_group({std::move(users), std::move(name).value_or(std::string())}, done);
  if (!chat.ok()) reply.error(chat.error());
}

}  // namespace

void create_chat(Call& call) {
  auto names = call.fields.texts("participants", users_per_chat);
  const auto name = call.fields.text_if("name");
  if (call.refused()) return;
  call.service.find_all(std::move(names),
                        [&service = call.service, reply = call.reply, name](Result<std::vector<UserId>> users) {
                          if (!users.ok()) return reply.error(users.error());
                          create_chat_of(service, reply, std::move(*users), name);
                        });
}

void modify_participants(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto user = call.fields.text("userId");
  const auto operation = call.fields.choice<sotto::ParticipantOperation>(
      "operation", {{"ADD", sotto::ParticipantOperation::add}, {"REMOVE", sotto::ParticipantOperation::remove}});
  if (call.refused()) return;
  const auto done = [reply = call.reply](const Status& status) {
    if (status.ok()) return reply.result("SUCCESS");
    // After the end of the client it is not known yet.
    if (status.code() == ErrorCode::CLOSED) return reply.error(status.error());
    reply.failed("FAIL", status.error());
  };
  call.service.find_in(chat, user, [&client = call.client(), chat, operation, done](const Result<UserId>& found) {
    if (!found.ok()) return done(found.error());
    client.modify_participants(chat, *found, operation, done);
  });
}

void replace_participant(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto old_user = call.fields.id<UserId>("oldUserId");
  const auto new_user = call.fields.id<UserId>("newUserId");
  if (!call.refused()) call.client().replace_participant(chat, old_user, new_user, call.done());
}

void rename_chat(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  auto name = call.fields.text("name");
  if (!call.refused()) call.client().rename(chat, std::move(name), call.done());
}

void refresh_keys(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  if (!call.refused()) call.client().refresh_keys(chat, call.done());
}

void answer_request(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto answer = call.fields.choice<sotto::RequestAnswer>(
      "answer", {{"accept", sotto::RequestAnswer::accept}, {"decline", sotto::RequestAnswer::decline}});
  if (!call.refused()) call.client().answer_request(chat, answer, call.done());
}

void chats(Call& call) {
  const auto after = call.fields.id_if<ChatId>("after");
  const auto rows = call.limit();
  if (call.refused()) return;
  std::optional<sotto::Chat> last;
  if (after) {
    auto found = call.client().chat(*after);
    if (!found.ok()) return call.reply.error(found.error());
    last = std::move(*found);
  }
  call.answer(call.client().chats(rows, last), "chats");
}

void chat(Call& call) {
  const auto id = call.fields.id<ChatId>("chatId");
  if (!call.refused()) call.answer(call.client().chat(id));
}

void participants(Call& call) {
  const auto id = call.fields.id<ChatId>("chatId");
  if (!call.refused()) call.answer(call.client().participants(id), "participants");
}

}  // namespace rpc
