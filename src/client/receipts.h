// What others have received and read, and how they learn what this user has read.
//
// A read mark is one latest value a chat: stored when the app says so, told to the relay at most once a second, and
// sealed so that only the members understand it.
#pragma once

#include "client/session.h"
#include "client/signal_seal.h"

namespace sotto::client {

class Receipts {
 public:
  Receipts(Context& context, Session& session, SignalSeal& seal) : c_(context), session_(session), seal_(seal) {}

  Status on_command(const MarkReadCommand& command);
  Status on_delivered(const wire::DeliveryReceipt& receipt);
  Status on_read_mark(const wire::ReadMark& mark);
  /// The chat's group is in a new epoch: marks that came before it say something now.
  Status on_epoch(const ChatRow& chat);
  /// All that was owed is processed, so that nothing told in this session has to be told again.
  Status note_caught_up();
  /// The chat may have a mark to tell of.
  void look_at(const ChatId& chat) { marks_.try_emplace(chat); }

  /// Everything that was owed at connect is known: marks that were not told go out.
  Status on_ready();
  Status pump();
  void on_connection_lost() {
    marks_.clear();
    early_.clear();
  }
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
  /// What was known of an account that is gone.
  void on_erased();
  void set_clock_back(std::chrono::milliseconds by);

 private:
  struct Mark {
    bool busy = false;
    Timestamp not_before{};
    std::uint32_t failures = 0;
  };
  Status tell(const ChatId& id, Mark& mark);
  Status on_told(const ChatId& id, std::uint64_t seq, const wire::Response& response);
  Status show(const ChatId& chat, const UserId& user);
  Result<bool> understand(const ChatRow& chat, const wire::ReadMark& mark);

  Context& c_;
  Session& session_;
  SignalSeal& seal_;
  /// Chats with a mark that the relay may not have. Of this connection.
  std::map<ChatId, Mark> marks_;
  /// Marks that came before the commits after which they were sealed: the relay tells marks first, entries then.
  /// Forgotten with the connection, and told again in the next.
  std::map<std::pair<ChatId, UserId>, wire::ReadMark> early_;
};

}  // namespace sotto::client
