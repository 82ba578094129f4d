#include "chat/session.h"

#include <charconv>
#include <utility>

namespace chat {

using sotto::Completion;
using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;

namespace {

/// Chats shown and searched at most; a terminal has no use for more.
constexpr std::size_t list_limit = 200;

}  // namespace

void Session::refresh_account() {
  auto account = client_.account();
  if (!account.ok()) return;
  const bool erased = account_ && !*account;
  account_ = std::move(*account);
  if (!erased) return;
  names_.clear();
  claimed_.clear();
  listed_.clear();
  open_.reset();
  unread_.clear();
  presence_ = {};
}

void Session::refresh_names() {
  refresh_account();
  if (account_ && !account_->handle.empty()) names_[account_->user] = account_->handle;
  const auto chats = client_.chats(list_limit);
  if (!chats.ok()) return;
  for (const auto& chat : *chats) {
    unread_[chat.id] = chat.unread;
    const auto people = client_.participants(chat.id);
    if (!people.ok()) continue;
    for (const auto& person : *people) {
      if (!person.handle.empty()) {
        names_[person.user] = person.handle;
      } else if (!claimed_.contains(person.user)) {
        read_claimed_name(person.user);
      }
    }
  }
}

void Session::read_claimed_name(const sotto::UserId& user) {
  const auto person = client_.person(user);
  if (person.ok()) claimed_[user] = person->profile.name;
}

void Session::on_event(const sotto::Event& event) {
  presence_.on_event(event);
  if (const auto* changed = std::get_if<sotto::ChatChanged>(&event)) {
    unread_[changed->chat.id] = changed->chat.unread;
  } else if (const auto* added = std::get_if<sotto::MessageAdded>(&event)) {
    const bool counts = added->message.state == sotto::MessageState::received;
    const auto chat = counts ? client_.chat(added->message.chat) : Result<sotto::Chat>(ErrorCode::NOT_FOUND);
    if (chat.ok()) unread_[chat->id] = chat->unread;
  } else if (const auto* person = std::get_if<sotto::PersonChanged>(&event)) {
    read_claimed_name(person->user);
  } else if (const auto* moved = std::get_if<sotto::HandleMoved>(&event)) {
    names_.erase(moved->old_user);
  } else if (std::holds_alternative<sotto::RegistrationChanged>(event)) {
    refresh_names();
  } else if (std::holds_alternative<sotto::ConnectionChanged>(event)) {
    refresh_account();
  }
}

std::string Session::name(const sotto::UserId& user) const {
  if (user.is_zero()) return "somebody";
  if (const auto known = names_.find(user); known != names_.end()) return known->second;
  if (const auto claimed = claimed_.find(user); claimed != claimed_.end() && !claimed->second.empty()) {
    return "~" + claimed->second;
  }
  return user.to_string().substr(0, 8);
}

std::string Session::title(const sotto::Chat& chat) const {
  if (chat.type == sotto::ChatType::direct) return name(chat.peer);
  return chat.name.empty() ? chat.id.to_string().substr(0, 8) : chat.name;
}

void Session::register_account(std::string handle, sotto::RegisterOptions options, Completion<sotto::UserId> done) {
  client_.register_account(std::move(handle), std::move(options), [this, done](Result<sotto::UserId> user) {
    if (user.ok()) refresh_names();
    done(std::move(user));
  });
}

void Session::change_handle(std::string handle, sotto::RegisterOptions options, Completion<void> done) {
  client_.change_handle(std::move(handle), std::move(options), [this, done](const sotto::Status& status) {
    if (status.ok()) refresh_names();
    done(status);
  });
}

void Session::find(const std::string& handle, Completion<sotto::UserId> done) {
  if (const auto id = sotto::UserId::parse(handle)) return done(*id);
  for (const auto& [user, name] : names_) {
    if (name == handle) return done(user);
  }
  // As they are shown; a name that several claim says nothing.
  std::vector<sotto::UserId> same;
  for (const auto& [user, claimed] : claimed_) {
    if (handle.starts_with('~') && name(user) == handle) same.push_back(user);
  }
  if (same.size() == 1) return done(same.front());
  look_up(handle, std::move(done));
}

void Session::look_up(const std::string& handle, Completion<sotto::UserId> done) {
  client_.find_user(handle, [this, handle, done](Result<sotto::UserId> user) {
    if (user.ok()) names_[*user] = handle;
    done(std::move(user));
  });
}

Result<std::vector<sotto::Chat>> Session::list() {
  auto chats = client_.chats(list_limit);
  if (chats.ok()) listed_ = *chats;
  return chats;
}

Result<sotto::Chat> Session::resolve(const std::string& text) {
  std::size_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc{} && end == text.data() + text.size()) {
    if (listed_.empty()) {
      if (const auto listed = list(); !listed.ok()) return listed.error();
    }
    if (number >= 1 && number <= listed_.size()) return client_.chat(listed_[number - 1].id);
  }
  const auto chats = client_.chats(list_limit);
  if (!chats.ok()) return chats.error();
  for (const auto& chat : *chats) {
    const bool by_id = text.size() > 1 && text[0] == '@' && chat.id.to_string().starts_with(text.substr(1));
    if (by_id || title(chat) == text) return chat;
  }
  return Error(ErrorCode::NOT_FOUND, "no chat is called " + text);
}

void Session::open(const sotto::ChatId& id) { open_ = id; }

void Session::new_direct(const std::string& handle, Completion<sotto::Chat> done) {
  find(handle, [this, done](Result<sotto::UserId> user) {
    if (!user.ok()) return done(user.error());
    const auto id = client_.create_direct_chat(*user, [this, done](Result<sotto::Chat> chat) {
      if (chat.ok()) open(chat->id);
      done(std::move(chat));
    });
    if (!id.ok()) done(id.error());
  });
}

void Session::new_group(std::string title, std::vector<std::string> handles, Completion<sotto::Chat> done) {
  find_all(std::move(handles), {}, [this, title, done](Result<std::vector<sotto::UserId>> users) {
    if (!users.ok()) return done(users.error());
    const auto id = client_.create_group({*users, title}, [this, done](Result<sotto::Chat> chat) {
      if (chat.ok()) open(chat->id);
      done(std::move(chat));
    });
    if (!id.ok()) done(id.error());
  });
}

void Session::find_all(std::vector<std::string> handles, std::vector<sotto::UserId> found,
                       Completion<std::vector<sotto::UserId>> done) {
  if (handles.size() == found.size()) return done(std::move(found));
  const std::string& next = handles[found.size()];
  find(next, [this, handles, found, done](Result<sotto::UserId> user) mutable {
    if (!user.ok()) return done(Error(user.error().code, handles[found.size()] + ": " + user.error().message));
    found.push_back(*user);
    find_all(std::move(handles), std::move(found), done);
  });
}

void Session::change(const std::string& handle, sotto::ParticipantOperation operation, Completion<void> done) {
  if (!open_) return done(Error(ErrorCode::NOT_FOUND, "no chat is open"));
  find(handle, [this, chat = *open_, operation, done](Result<sotto::UserId> user) {
    if (!user.ok()) return done(user.error());
    client_.modify_participants(chat, *user, operation, done);
  });
}

Result<sotto::Message> Session::own_message(const sotto::ChatId& chat, const std::string& id) {
  if (!id.empty()) {
    const auto known = sotto::ClientMessageId::parse(id);
    return known ? client_.message(chat, *known) : Error(ErrorCode::INVALID_ARGUMENT, "an id has 32 digits");
  }
  sotto::MessagePage page;
  page.limit = 200;
  while (true) {
    auto messages = client_.messages(chat, page);
    if (!messages.ok()) return messages.error();
    for (auto& message : *messages) {
      const bool own = account_ && message.sender == account_->user && message.kind == sotto::MessageKind::text;
      if (own) return std::move(message);
    }
    if (messages->size() < page.limit) return Error(ErrorCode::NOT_FOUND, "you have written nothing here");
    page.before = messages->back().position;
  }
}

std::size_t Session::unread(const sotto::ChatId& id) const {
  const auto found = unread_.find(id);
  return found == unread_.end() ? 0 : found->second;
}

std::size_t Session::unread_elsewhere() const {
  std::size_t sum = 0;
  for (const auto& [id, count] : unread_) sum += id == open_ ? 0 : count;
  return sum;
}

}  // namespace chat
