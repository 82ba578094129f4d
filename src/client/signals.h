// Who is writing and who is there: told to whoever is connected, sealed, stored nowhere.
#pragma once

#include "client/session.h"
#include "client/signal_seal.h"

namespace sotto::client {

class Signals {
 public:
  Signals(Context& context, Session& session, SignalSeal& seal) : c_(context), session_(session), seal_(seal) {}

  Status on_command(const TypingCommand& command);
  Status on_command(const AvailableCommand& command);
  Status on_ephemeral(const wire::Ephemeral& push);
  /// A user's message has come: they are not writing any more.
  void on_message(const ChatId& chat, const UserId& user);
  /// An own message was written there.
  void on_sent(const ChatId& chat) { typing_told_.erase(chat); }

  /// What is due: presence to be told again, and what others told that is over.
  Status pump();
  void on_connection_lost();
  /// What was known of an account that is gone. The app is still in front, or not.
  void on_erased();
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  void set_clock_back(std::chrono::milliseconds by);

 private:
  struct Heard {
    Timestamp until{};
    Timestamp last{};
  };
  Status post(const ChatRow& chat, wire::Signal signal);
  Status tell_presence(bool available, bool ask);
  Status on_typing(const ChatRow& chat, const UserId& user, bool active);
  Status on_presence(const ChatRow& chat, const UserId& user, const wire::Presence& presence);
  Status left(const UserId& user, const Heard& heard);

  Context& c_;
  Session& session_;
  SignalSeal& seal_;

  /// The time in the last signal: each has a later one, by which others know a repeat.
  std::uint64_t last_sent_ = 0;
  bool available_ = false;
  /// When presence is to be told again; nothing while it is not told.
  std::optional<Timestamp> presence_due_;
  /// The others are to be asked with it.
  bool ask_ = false;
  /// When a chat was last answered that had asked.
  std::map<ChatId, Timestamp> answered_;
  /// When a chat was last told that this user is writing.
  std::map<ChatId, Timestamp> typing_told_;
  std::map<std::pair<ChatId, UserId>, Timestamp> typing_until_;
  std::map<UserId, Heard> present_;
  /// The newest signal of each device: an older one, told again by the relay, says nothing.
  std::map<std::pair<ChatId, DeviceId>, std::uint64_t> newest_;
};

}  // namespace sotto::client
