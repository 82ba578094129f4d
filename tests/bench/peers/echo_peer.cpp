#include "load/must.h"
#include "load/websocket.h"
#include "peers/peers.h"
#include "peers/server_peer.h"

namespace sotto::bench {

namespace {

class Echoed final : public WebSocket {
 public:
  Echoed(SSL_CTX* context, std::uint16_t port, Observer& observer, std::size_t pair)
      : WebSocket(context, port, "echo"), observer_(observer), pair_(pair) {}

 private:
  void on_message(ByteView message) override {
    observer_.delivered(pair_, number_of(message));
    observer_.accepted(pair_);
  }
  Observer& observer_;
  std::size_t pair_;
};

/// Of a pair there is only one user, who gets their own messages back.
class Echo final : public ForwardingPeer {
 public:
  explicit Echo(std::string program) : program_(std::move(program)) {}

  void open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t /*most*/) override {
    start({program_, std::to_string(port()), certificate(), key()});
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      users_.push_back(std::make_unique<Echoed>(ssl(), port(), observer, pair));
      users_.back()->attach(loop);
    }
  }
  void send(std::size_t pair, std::uint64_t number) override { users_[pair]->send_message(payload_of(number)); }

 private:
  std::string program_;
  std::vector<std::unique_ptr<Echoed>> users_;
};

}  // namespace

std::unique_ptr<Peer> make_echo(const std::string& program) { return std::make_unique<Echo>(program); }

}  // namespace sotto::bench
