// What all peers share: the client, and the messages whose senders wait to hear that the relay has them.
#pragma once

#include <sotto/client.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "chat/background.h"
#include "rpc/created_attachments.h"
#include "rpc/passing_event.h"

namespace rpc {

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  virtual void on_events() = 0;
  virtual void on_passing(const PassingEvent& event) = 0;
};

/// Called once with the message when the relay has it or it failed for good, or with an error.
using Settled = std::function<void(sotto::Result<sotto::Message>)>;

/// All calls and completions are on the thread of the client's executor.
class Service {
 public:
  explicit Service(std::shared_ptr<sotto::Executor> executor) : background_(std::move(executor)) {}

  /// The client is set once, after it is opened with this service's callbacks.
  void set_client(sotto::Client& client) { client_ = &client; }
  sotto::Client& client() { return *client_; }

  void add(const std::shared_ptr<Listener>& listener) { listeners_.push_back(listener); }

  void on_event(const sotto::Event& event);
  void on_events_logged();

  void send(const sotto::ChatId& chat, std::string text, std::vector<sotto::OutgoingAttachment> attachments,
            const sotto::SendOptions& options, Settled settled);
  void forward(const sotto::ChatId& from, const sotto::ClientMessageId& message, const sotto::ChatId& to,
               Settled settled);

  CreatedAttachments& created() { return created_; }
  chat::Background& background() { return background_; }

  /// The users behind userIds and handles, or the first error.
  void find_all(std::vector<std::string> names, sotto::Completion<std::vector<sotto::UserId>> done);
  /// The same for one, who may be a participant of a chat: then the relay is not asked.
  void find_in(const sotto::ChatId& chat, const std::string& name, sotto::Completion<sotto::UserId> done);
  /// For one user.
  void find(const std::string& name, sotto::Completion<sotto::UserId> done);

  /// With an account that was erased go its messages: who waits for one is told.
  void drop_if_erased();
  /// Nothing settles any more.
  void close();

 private:
  void settle_all(const sotto::Error& why);
  void settle(const sotto::Message& message);
  /// How a call of the client's is completed that wrote a message with this id: `settled` once more is known.
  sotto::Completion<void> stored(const sotto::ChatId& chat, std::shared_ptr<const sotto::ClientMessageId> id,
                                 Settled settled);
  std::vector<std::shared_ptr<Listener>> listeners();

  sotto::Client* client_ = nullptr;
  CreatedAttachments created_;
  bool closed_ = false;
  std::vector<std::weak_ptr<Listener>> listeners_;
  std::map<std::pair<sotto::ChatId, sotto::ClientMessageId>, std::vector<Settled>> unsettled_;
  chat::Background background_;
};

}  // namespace rpc
