#include "rpc/commands.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "rpc/account_commands.h"
#include "rpc/attachments.h"

namespace rpc {

using sotto::ChatId;
using sotto::ClientMessageId;
using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;
using sotto::Status;
using sotto::UserId;

namespace {

constexpr std::int64_t most_rows = 200;
constexpr std::int64_t usual_rows = 50;
constexpr std::size_t users_per_chat = 100;
constexpr std::size_t most_attachments = 10;

std::size_t limit(Call& call) {
  return static_cast<std::size_t>(call.fields.number_if("limit", 1, most_rows).value_or(usual_rows));
}

template <typename T>
void answer(const Call& call, const Result<std::vector<T>>& values, const char* name) {
  if (!values.ok()) return call.reply.error(values.error());
  call.reply.result({{name, list_of(*values)}});
}

template <typename T>
void answer(const Call& call, const Result<T>& value) {
  if (!value.ok()) return call.reply.error(value.error());
  call.reply.result(to_json(*value));
}

// ---- Connection, people

void find_user(Call& call) {
  auto handle = call.fields.text("handle");
  if (call.refused()) return;
  call.client().find_user(std::move(handle), [reply = call.reply](const Result<UserId>& user) {
    if (!user.ok()) return reply.error(user.error());
    reply.result({{"userId", user->to_string()}});
  });
}

void connect(Call& call) {
  if (call.refused()) return;
  call.client().connect();
  call.reply.done({});
}

void disconnect(Call& call) {
  if (call.refused()) return;
  call.client().disconnect();
  call.reply.done({});
}

void connection(Call& call) {
  if (call.refused()) return;
  call.reply.result({{"state", to_json(sotto::ConnectionChanged{call.client().connection(), {}})["state"]}});
}

// ---- Chats

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
  const auto operation = call.fields.text("operation");
  if (operation != "ADD" && operation != "REMOVE") call.fields.refuse("operation", "must be ADD or REMOVE");
  if (call.refused()) return;
  const auto kind = operation == "ADD" ? sotto::ParticipantOperation::add : sotto::ParticipantOperation::remove;
  const auto done = [reply = call.reply](const Status& status) {
    if (status.ok()) return reply.result("SUCCESS");
    // After the end of the client it is not known yet.
    if (status.code() == ErrorCode::CLOSED) return reply.error(status.error());
    reply.failed("FAIL", status.error());
  };
  call.service.find_in(chat, user, [&client = call.client(), chat, kind, done](const Result<UserId>& found) {
    if (!found.ok()) return done(found.error());
    client.modify_participants(chat, *found, kind, done);
  });
}

void replace_participant(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto old_user = call.fields.id<UserId>("oldUserId");
  const auto new_user = call.fields.id<UserId>("newUserId");
  if (call.refused()) return;
  call.client().replace_participant(chat, old_user, new_user,
                                    [reply = call.reply](const Status& status) { reply.done(status); });
}

void rename_chat(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  auto name = call.fields.text("name");
  if (call.refused()) return;
  call.client().rename(chat, std::move(name), [reply = call.reply](const Status& status) { reply.done(status); });
}

void refresh_keys(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  if (call.refused()) return;
  call.client().refresh_keys(chat, [reply = call.reply](const Status& status) { reply.done(status); });
}

void chats(Call& call) {
  const auto after = call.fields.id_if<ChatId>("after");
  const auto rows = limit(call);
  if (call.refused()) return;
  std::optional<sotto::Chat> last;
  if (after) {
    auto found = call.client().chat(*after);
    if (!found.ok()) return call.reply.error(found.error());
    last = std::move(*found);
  }
  answer(call, call.client().chats(rows, last), "chats");
}

void chat(Call& call) {
  const auto id = call.fields.id<ChatId>("chatId");
  if (!call.refused()) answer(call, call.client().chat(id));
}

void participants(Call& call) {
  const auto id = call.fields.id<ChatId>("chatId");
  if (!call.refused()) answer(call, call.client().participants(id), "participants");
}

// ---- Messages

void send_message(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto attachments = call.fields.texts_if("attachments", most_attachments);
  // Attachments need no caption.
  auto text = attachments.empty() ? call.fields.text("message") : call.fields.text_if("message").value_or("");
  sotto::SendOptions options;
  options.id = call.fields.id_if<ClientMessageId>("messageId");
  options.releases = call.fields.number_if("releases", 0, INT64_MAX);
  if (call.refused()) return;
  if (!attachments.empty()) return send_with_attachments(call, chat, std::move(text), options, attachments);
  call.service.send(chat, std::move(text), {}, options, answer_sent(call.reply));
}

void messages(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  sotto::MessagePage page;
  if (const auto before = call.fields.text_if("before")) {
    std::int64_t position = 0;
    const auto* end = before->data() + before->size();
    const auto [last, problem] = std::from_chars(before->data(), end, position);
    if (problem != std::errc{} || last != end) call.fields.refuse("before", "must be the position of a message");
    page.before = position;
  }
  page.limit = limit(call);
  if (!call.refused()) answer(call, call.client().messages(chat, page), "messages");
}

void message(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const auto id = call.fields.id<ClientMessageId>("messageId");
  if (!call.refused()) answer(call, call.client().message(chat, id));
}

// ---- Events

void subscribe(Call& call) {
  const auto after = call.fields.number_if("after", 0, INT64_MAX).value_or(0);
  if (call.refused()) return;
  const auto known = call.client().events(after, 1);
  if (!known.ok()) return call.reply.error(known.error());
  call.peer.subscribe(after);
  call.reply.result({{"after", after}});
  call.peer.on_events();
}

void events(Call& call) {
  const auto after = call.fields.number_if("after", 0, INT64_MAX).value_or(0);
  const auto rows = limit(call);
  if (!call.refused()) answer(call, call.client().events(after, rows), "events");
}

void release(Call& call) {
  const auto up_to = call.fields.number("upTo", 0, INT64_MAX);
  if (call.refused()) return;
  call.client().release_events(up_to, [reply = call.reply](const Status& status) { reply.done(status); });
}

void close(Call& call) {
  if (call.refused()) return;
  call.reply.done({});
  call.peer.close();
}

}  // namespace

Handler find_command(const std::string& name) {
  static const std::map<std::string, Handler> all{
      {"register", register_account},
      {"account", account},
      {"requestCode", request_code},
      {"setPin", set_pin},
      {"setDiscoverable", set_discoverable},
      {"keepHandle", keep_handle},
      {"findUser", find_user},
      {"connect", connect},
      {"disconnect", disconnect},
      {"connection", connection},
      {"createChat", create_chat},
      {"modifyChatParticipants", modify_participants},
      {"replaceParticipant", replace_participant},
      {"rename", rename_chat},
      {"refreshKeys", refresh_keys},
      {"chats", chats},
      {"chat", chat},
      {"participants", participants},
      {"sendMessage", send_message},
      {"createAttachment", create_attachment},
      {"downloadAttachment", download_attachment},
      {"transfer", transfer},
      {"requestAttachment", request_attachment},
      {"forward", forward},
      {"setDownloadPolicy", set_download_policy},
      {"messages", messages},
      {"message", message},
      {"subscribe", subscribe},
      {"events", events},
      {"release", release},
      {"close", close},
  };
  const auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}

}  // namespace rpc
