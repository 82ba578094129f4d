// From the listening socket to an open connection.
#include <unistd.h>

#include "net/server_loop.h"

namespace sotto::net {
namespace {

/// Connections taken in one turn of the loop; the others get theirs in the next.
constexpr int accepts_a_turn = 16;

}  // namespace

void ServerLoop::accept_some() {
  for (int i = 0; i < accepts_a_turn; ++i) {
    if (handshakes_ >= config_.max_handshakes) {
      ev_io_stop(loop_.get(), &accept_);  // `handshake_ended` starts it again
      return;
    }
    Listener::Accepted accepted = listener_.accept();
    if (accepted.exhausted) ev_io_stop(loop_.get(), &accept_);  // `tick` starts it again
    if (accepted.fd < 0) return;
    Peers::Place place;
    if (!admit(accepted, place)) {
      ::close(accepted.fd);
      continue;
    }
    adopt(std::move(accepted), std::move(place));
  }
}

bool ServerLoop::admit(const Listener::Accepted& accepted, Peers::Place& place) {
  if (connections_.size() >= config_.max_connections) {
    ++(refused_ ? *refused_ : refused_.emplace()).full;
    return false;
  }
  switch (peers_.admit(accepted.peer_address, ev_now(loop_.get()), place)) {
    case Peers::Verdict::too_many:
      ++(refused_ ? *refused_ : refused_.emplace()).address;
      return false;
    case Peers::Verdict::too_fast:
      ++(refused_ ? *refused_ : refused_.emplace()).rate;
      return false;
    case Peers::Verdict::admitted:
      break;
  }
  return true;
}

void ServerLoop::adopt(Listener::Accepted accepted, Peers::Place place) {
  const ConnectionId id = ++last_id_;
  auto connection = std::make_unique<Connection>();
  connection->id = id;
  connection->peer_address = std::move(accepted.peer_address);
  connection->place = std::move(place);
  connection->cut_at = ev_now(loop_.get()) + static_cast<ev_tstamp>(config_.handshake_timeout.count()) / 1000;

  lws_adopt_desc_t info{};
  info.vh = vhost_;
  info.type = static_cast<lws_adoption_type>(LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL);
  info.fd.sockfd = accepted.fd;
  info.opaque = connection.get();
  connections_.emplace(id, std::move(connection));
  ++handshakes_;

  lws* wsi = lws_adopt_descriptor_vhost_via_info(&info);
  // It may have ended within that call, with or without a callback.
  Connection* adopted = find(id);
  if (adopted == nullptr) return;
  if (wsi == nullptr) {
    connections_.erase(id);
    handshake_ended();
    return;
  }
  adopted->wsi = wsi;
}

int ServerLoop::opened(Connection& connection) {
  connection.open = true;
  connection.cut_at.reset();
  connection.last_heard = ev_now(loop_.get());
  const bool json = lws_get_protocol(connection.wsi)->name == std::string_view(json_subprotocol);
  connection.encoding = json ? Encoding::json : Encoding::binary;
  ++opened_since_trim_;
  events_.emplace_back(Opened{connection.id, std::exchange(connection.peer_address, {}), connection.encoding});
  handshake_ended();
  if (stopping_) begin_close(connection, close_code::going_away, {});
  return 0;
}

void ServerLoop::handshake_ended() {
  --handshakes_;
  if (listening_) ev_io_start(loop_.get(), &accept_);
}

}  // namespace sotto::net
