// What all peers share: the client, and the messages whose senders wait to hear that the relay has them.
#pragma once

#include <sotto/client.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "rpc/values.h"

namespace rpc {

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  virtual void on_events() = 0;
  virtual void on_connection(const sotto::ConnectionChanged& change) = 0;
  /// Something about the account or its people, which is not logged.
  virtual void on_news(const Out& event) = 0;
};

/// Called once with the message when the relay has it or it failed for good, or with an error.
using Settled = std::function<void(sotto::Result<sotto::Message>)>;

/// All calls and completions are on the thread of the client's executor.
class Service {
 public:
  /// The client is set once, after it is opened with this service's callbacks.
  void set_client(sotto::Client& client) { client_ = &client; }
  sotto::Client& client() { return *client_; }

  void add(const std::shared_ptr<Listener>& listener) { listeners_.push_back(listener); }

  void on_event(const sotto::Event& event);
  void on_events_logged();

  void send(const sotto::ChatId& chat, std::string text, const sotto::SendOptions& options, Settled settled);
  /// The users behind userIds and handles, or the first error.
  void find_all(std::vector<std::string> names, sotto::Completion<std::vector<sotto::UserId>> done);
  /// The same for one, who may be a participant of a chat: then the relay is not asked.
  void find_in(const sotto::ChatId& chat, const std::string& name, sotto::Completion<sotto::UserId> done);

  /// Nothing settles any more.
  void close();

 private:
  void find(const std::string& name, sotto::Completion<sotto::UserId> done);
  void settle(const sotto::Message& message);
  std::vector<std::shared_ptr<Listener>> listeners();

  sotto::Client* client_ = nullptr;
  bool closed_ = false;
  std::vector<std::weak_ptr<Listener>> listeners_;
  std::map<std::pair<sotto::ChatId, sotto::ClientMessageId>, std::vector<Settled>> unsettled_;
};

}  // namespace rpc
