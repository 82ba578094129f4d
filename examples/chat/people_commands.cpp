#include "chat/people_commands.h"

#include <utility>

#include "chat/files.h"

namespace chat {

using sotto::Result;

namespace {

/// Finds out who is meant, by name, and goes on with the user; without a name it is the other one of a direct chat.
template <typename Then>
void with_user(const Call& call, const sotto::Completion<void>& done, Then then) {
  if (call.command.rest.empty() && call.session.open_chat()) {
    const auto chat = call.session.client().chat(*call.session.open_chat());
    if (chat.ok() && chat->type == sotto::ChatType::direct) return then(chat->peer);
  }
  if (call.command.rest.empty()) return call.misuse("who?");
  call.session.find(call.command.rest, [done, then](Result<sotto::UserId> user) {
    if (!user.ok()) return done(user.error());
    then(*user);
  });
}

void change_profile(const Call& call, const std::function<void(sotto::Profile&)>& change) {
  auto profile = call.session.client().profile();
  if (!profile.ok()) return call.fail(profile.error());
  change(*profile);
  call.session.client().set_profile(std::move(*profile), call.finish_change());
}

void set_blocked(const Call& call, bool blocked) {
  const auto done = call.finish_change();
  with_user(call, done, [&client = call.session.client(), blocked, done](const sotto::UserId& user) {
    client.block(user, blocked, done);
  });
}

}  // namespace

void find(const Call& call) {
  call.session.look_up(call.command.rest,
                       call.finish<sotto::UserId>([](const auto& user) { return user.to_string(); }));
}

void info(const Call& call) {
  const auto done = call.finish_change();
  with_user(call, done, [&session = call.session, &view = call.view, done](const sotto::UserId& user) {
    const auto person = session.client().person(user);
    if (!person.ok()) return done(person.error());
    view.show_person(*person);
    done({});
  });
}

void profile(const Call& call) {
  const auto profile = call.session.client().profile();
  if (!profile.ok()) return call.fail(profile.error());
  call.view.show_profile(*profile);
  call.view.ok(call.command.name, {});
}

void set_name(const Call& call) {
  change_profile(call, [&](sotto::Profile& profile) { profile.name = call.command.rest; });
}

void set_about(const Call& call) {
  change_profile(call, [&](sotto::Profile& profile) { profile.about = call.command.rest; });
}

void set_picture(const Call& call) {
  const auto path = expanded(call.command.rest);
  std::vector<std::uint8_t> bytes;
  if (!path.empty()) {
    auto read = read_file(path, most_avatar_bytes);
    if (!read.ok()) return call.fail(read.error());
    bytes = std::move(*read);
  }
  change_profile(call, [&](sotto::Profile& profile) {
    profile.avatar = std::move(bytes);
    profile.avatar_mime_type = type_of(path).mime_type;
  });
}

void block(const Call& call) { set_blocked(call, true); }
void unblock(const Call& call) { set_blocked(call, false); }

void blocked(const Call& call) {
  const auto users = call.session.client().blocked();
  if (!users.ok()) return call.fail(users.error());
  call.view.show_blocked(*users);
  call.view.ok(call.command.name, std::to_string(users->size()));
}

void privacy(const Call& call) {
  auto settings = call.session.client().privacy();
  if (!settings.ok()) return call.fail(settings.error());
  const auto words = call.command.words();
  if (words.empty()) {
    call.view.show_privacy(*settings);
    return call.view.ok(call.command.name, {});
  }
  bool* const setting = words[0] == "typing"     ? &settings->typing
                        : words[0] == "presence" ? &settings->presence
                        : words[0] == "read"     ? &settings->read_receipts
                                                 : nullptr;
  if (words.size() != 2 || setting == nullptr || (words[1] != "yes" && words[1] != "no")) {
    return call.misuse("/privacy typing, presence or read, and yes or no");
  }
  *setting = words[1] == "yes";
  call.session.client().set_privacy(*settings, call.finish_change());
}

}  // namespace chat
