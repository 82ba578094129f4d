// One person's use of a client: who is who, which chat is open, and the steps that a command needs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/attachments.h"
#include "chat/presence.h"
#include "sotto/client.h"

namespace chat {

/// All calls and completions are on the thread of the client's executor.
class Session {
 public:
  Session(sotto::Client& client, std::shared_ptr<sotto::Executor> executor)
      : client_(client), attachments_(client, std::move(executor)) {}

  sotto::Client& client() { return client_; }
  Attachments& attachments() { return attachments_; }
  [[nodiscard]] const Presence& presence() const { return presence_; }

  /// What the client tells; before a face of the program shows it.
  void on_event(const sotto::Event& event);

  // ---- Who is who

  /// Reads the account and the people of all chats from the store. Called at the start and after registering.
  void refresh_names();
  /// The same for the account alone. With one that is erased goes all that was known.
  void refresh_account();
  [[nodiscard]] const std::optional<sotto::Account>& account() const { return account_; }
  /// A name to show: the handle under which the user is known here, else "~" and the name that it claims, else the
  /// start of its id. May hold anything.
  [[nodiscard]] std::string name(const sotto::UserId& user) const;
  [[nodiscard]] bool has_name(const sotto::UserId& user) const { return names_.contains(user); }
  /// A name to show for a chat. May hold anything.
  [[nodiscard]] std::string title(const sotto::Chat& chat) const;

  void register_account(std::string handle, sotto::RegisterOptions options, sotto::Completion<sotto::UserId> done);
  void change_handle(std::string handle, sotto::RegisterOptions options, sotto::Completion<void> done);
  /// Who has a handle now, as the relay says.
  void look_up(const std::string& handle, sotto::Completion<sotto::UserId> done);
  /// Who is meant by a name as it is shown, an id, or a handle: from memory, else from the relay.
  void find(const std::string& handle, sotto::Completion<sotto::UserId> done);

  // ---- Chats

  /// All chats, latest activity first; `resolve` takes their numbers from 1 on.
  sotto::Result<std::vector<sotto::Chat>> list();
  /// A chat by its number in the last list, its title, or `@` and the start of its id.
  sotto::Result<sotto::Chat> resolve(const std::string& text);
  void open(const sotto::ChatId& id);
  [[nodiscard]] const std::optional<sotto::ChatId>& open_chat() const { return open_; }

  void new_direct(const std::string& handle, sotto::Completion<sotto::Chat> done);
  void new_group(std::string title, std::vector<std::string> handles, sotto::Completion<sotto::Chat> done);
  /// An own message by its id; without one, the newest of the chat.
  sotto::Result<sotto::Message> own_message(const sotto::ChatId& chat, const std::string& id);
  void change(const std::string& handle, sotto::ParticipantOperation operation, sotto::Completion<void> done);

  /// Messages that were not read yet: in one chat, and in all but the open one.
  [[nodiscard]] std::size_t unread(const sotto::ChatId& id) const;
  [[nodiscard]] std::size_t unread_elsewhere() const;

  // ---- What is asked about before it is done

  /// Carried out by `/yes`.
  using Held = std::function<void(sotto::Completion<void>)>;
  void hold(Held then) { held_ = std::move(then); }
  Held take_held() { return std::exchange(held_, nullptr); }

 private:
  void find_all(std::vector<std::string> handles, std::vector<sotto::UserId> found,
                sotto::Completion<std::vector<sotto::UserId>> done);
  void read_claimed_name(const sotto::UserId& user);

  sotto::Client& client_;
  std::optional<sotto::Account> account_;
  std::map<sotto::UserId, std::string> names_;
  /// Names that users claim, of those who have no other here.
  std::map<sotto::UserId, std::string> claimed_;
  std::vector<sotto::Chat> listed_;
  std::optional<sotto::ChatId> open_;
  std::map<sotto::ChatId, std::size_t> unread_;
  Presence presence_;
  Held held_;
  Attachments attachments_;
};

}  // namespace chat
