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
  /// The chat may have a mark to tell of.
  void look_at(const ChatId& chat) { marks_.try_emplace(chat); }

  /// Everything that was owed at connect is known: marks that were not told go out.
  Status on_ready();
  Status pump();
  void on_connection_lost() { marks_.clear(); }
  [[nodiscard]] std::optional<Timestamp> next_timer() const;
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

  Context& c_;
  Session& session_;
  SignalSeal& seal_;
  /// Chats with a mark that the relay may not have. Of this connection.
  std::map<ChatId, Mark> marks_;
};

}  // namespace sotto::client
