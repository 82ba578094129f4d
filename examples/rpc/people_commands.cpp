#include "rpc/people_commands.h"

#include "chat/files.h"

namespace rpc {

using sotto::ChatId;
using sotto::Result;
using sotto::UserId;

void find_user(Call& call) {
  auto handle = call.fields.text("handle");
  if (call.refused()) return;
  call.client().find_user(std::move(handle), [reply = call.reply](const Result<UserId>& user) {
    if (!user.ok()) return reply.error(user.error());
    reply.result({{"userId", user->to_string()}});
  });
}

void person(Call& call) {
  const auto user = call.fields.text("userId");
  if (call.refused()) return;
  call.service.find(user, [&client = call.client(), reply = call.reply](const Result<UserId>& found) {
    if (!found.ok()) return reply.error(found.error());
    const auto person = client.person(*found);
    if (!person.ok()) return reply.error(person.error());
    reply.result(to_json(*person));
  });
}

void block(Call& call) {
  const auto user = call.fields.text("userId");
  const bool blocked = call.fields.flag("blocked");
  if (call.refused()) return;
  call.service.find(user, [&client = call.client(), blocked, done = call.done()](const Result<UserId>& found) {
    if (!found.ok()) return done(found.error());
    client.block(*found, blocked, done);
  });
}

void blocked(Call& call) {
  if (!call.refused()) call.answer(call.client().blocked(), "users");
}

void profile(Call& call) {
  if (!call.refused()) call.answer(call.client().profile());
}

void set_profile(Call& call) {
  sotto::Profile profile;
  profile.name = call.fields.text_if("name").value_or("");
  profile.about = call.fields.text_if("about").value_or("");
  auto avatar = call.fields.bytes_if("avatar");
  const auto path = call.fields.path_if("avatarPath");
  profile.avatar_mime_type = call.fields.text_if("avatarMimeType").value_or("");
  if (avatar && path) call.fields.refuse("avatar", "or avatarPath, only one of them, may be there");
  if (call.refused()) return;
  if (avatar) profile.avatar = std::move(*avatar);
  if (!path) return call.client().set_profile(std::move(profile), call.done());
  call.service.background().post([&client = call.client(), path = *path, profile = std::move(profile),
                                  done = call.done()](const std::atomic<bool>&) -> chat::Background::Then {
    auto read = chat::read_file(path, chat::most_avatar_bytes);
    return [&client, read = std::move(read), profile, done]() mutable {
      if (!read.ok()) return done(read.error());
      profile.avatar = std::move(*read);
      client.set_profile(std::move(profile), done);
    };
  });
}

void privacy(Call& call) {
  if (!call.refused()) call.answer(call.client().privacy());
}

void set_privacy(Call& call) {
  sotto::PrivacySettings settings;
  settings.typing = call.fields.flag("typing");
  settings.presence = call.fields.flag("presence");
  settings.read_receipts = call.fields.flag("readReceipts");
  if (!call.refused()) call.client().set_privacy(settings, call.done());
}

void set_available(Call& call) {
  const bool available = call.fields.flag("available");
  if (call.refused()) return;
  call.client().set_available(available);
  call.reply.done({});
}

void set_typing(Call& call) {
  const auto chat = call.fields.id<ChatId>("chatId");
  const bool typing = call.fields.flag("typing");
  if (call.refused()) return;
  // The client says nothing of a chat that is not there.
  const auto known = call.client().chat(chat);
  if (!known.ok()) return call.reply.error(known.error());
  call.client().set_typing(chat, typing);
  call.reply.done({});
}

}  // namespace rpc
