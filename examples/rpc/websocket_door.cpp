#include "rpc/websocket_door.h"

#include <unistd.h>

#include "rpc/token.h"

namespace rpc {

/// One connection: its peer, and what it said that the peer does not take yet.
class WebSocketDoor::Guest final : public Sink {
 public:
  Guest(Service& service, WebSocketServer& server, ConnectionId id)
      : server_(server), id_(id), peer_(std::make_shared<Peer>(service, static_cast<Sink&>(*this))) {
    service.add(peer_);
  }
  ~Guest() override { peer_->detach(); }

  void write(std::string line) override { server_.send(id_, std::move(line)); }
  [[nodiscard]] std::size_t waiting() const override { return server_.waiting(id_); }

  void on_message(std::optional<std::string> text) {
    said_.push_back(std::move(text));
    go_on();
  }
  void go_on() {
    while (!said_.empty() && peer_->wants_input()) {
      const auto text = std::move(said_.front());
      said_.pop_front();
      server_.taken(id_, text ? text->size() : 0);
      if (text) {
        peer_->take(*text);
      } else {
        peer_->refuse(sotto::Error(sotto::ErrorCode::TOO_LARGE, "a line has at most 1 MiB"));
      }
      if (peer_->closing()) server_.close(id_);
    }
    peer_->on_events();
  }

 private:
  WebSocketServer& server_;
  ConnectionId id_;
  std::shared_ptr<Peer> peer_;
  std::deque<std::optional<std::string>> said_;
};

sotto::Result<std::unique_ptr<WebSocketDoor>> WebSocketDoor::open(Service& service,
                                                                  std::shared_ptr<sotto::Executor> executor,
                                                                  const std::string& where,
                                                                  const std::string& data_dir) {
  auto token = load_token(data_dir + "/rpc-token");
  if (!token.ok()) return token.error();
  auto listener = LocalListener::open(where);
  if (!listener.ok()) return listener.error();
  std::unique_ptr<WebSocketDoor> self(new WebSocketDoor(service, std::move(*listener)));
  auto server = WebSocketServer::start(std::move(*token), longest_line, std::move(executor), *self);
  if (!server.ok()) return server.error();
  self->server_ = std::move(*server);
  return self;
}

WebSocketDoor::WebSocketDoor(Service& service, LocalListener listener)
    : service_(service), listener_(std::move(listener)) {}

WebSocketDoor::~WebSocketDoor() = default;

void WebSocketDoor::accept() {
  if (const int fd = listener_.accept(); fd >= 0) server_->adopt(fd);
}

void WebSocketDoor::on_open(ConnectionId id) { guests_[id] = std::make_unique<Guest>(service_, *server_, id); }

void WebSocketDoor::on_message(ConnectionId id, std::optional<std::string> text) {
  if (const auto guest = guests_.find(id); guest != guests_.end()) guest->second->on_message(std::move(text));
}

void WebSocketDoor::on_taken(ConnectionId id) {
  if (const auto guest = guests_.find(id); guest != guests_.end()) guest->second->go_on();
}

void WebSocketDoor::on_closed(ConnectionId id) { guests_.erase(id); }

}  // namespace rpc
