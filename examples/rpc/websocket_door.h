// The peers on the local WebSocket.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "rpc/listener.h"
#include "rpc/peer.h"
#include "rpc/websocket.h"

namespace rpc {

class WebSocketDoor final : private WebSocketHandler {
 public:
  /// `where` is what `LocalListener::open` takes; the token is in `rpc-token` in the data folder.
  static sotto::Result<std::unique_ptr<WebSocketDoor>> open(Service& service, std::shared_ptr<sotto::Executor> executor,
                                                            const std::string& where, const std::string& data_dir);
  ~WebSocketDoor() override;

  /// Its owner polls this, and calls `accept` when it is readable.
  [[nodiscard]] int fd() const { return listener_.fd(); }
  void accept();
  [[nodiscard]] const std::string& url() const { return listener_.url(); }

 private:
  class Guest;
  WebSocketDoor(Service& service, LocalListener listener);

  void on_open(ConnectionId id) override;
  void on_message(ConnectionId id, std::optional<std::string> text) override;
  void on_taken(ConnectionId id) override;
  void on_closed(ConnectionId id) override;

  Service& service_;
  LocalListener listener_;
  std::map<ConnectionId, std::unique_ptr<Guest>> guests_;
  std::unique_ptr<WebSocketServer> server_;
};

}  // namespace rpc
