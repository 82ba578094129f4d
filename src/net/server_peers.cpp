#include "net/server_peers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace sotto::net {

std::string peer_group(const std::string& address) {
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return address;
  std::memset(&v6.s6_addr[8], 0, 8);
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &v6, text, sizeof text);
  return std::string(text) + "/64";
}

double Peers::tokens(const Peer& peer, Seconds now) const {
  return std::min(limit_.burst, peer.tokens + std::max(0.0, now - peer.at) * limit_.per_second);
}

Peers::Verdict Peers::admit(const std::string& address, Seconds now, Place& place) {
  const auto group = peer_group(address);
  auto& peer = peers_.try_emplace(group, Peer{0, limit_.burst, now}).first->second;
  if (limit_.connections != 0 && peer.connections >= limit_.connections) return Verdict::too_many;
  if (limit_.per_second > 0) {
    peer.tokens = tokens(peer, now);
    peer.at = std::max(peer.at, now);
    if (peer.tokens < 1) return Verdict::too_fast;
    peer.tokens -= 1;
  }
  ++peer.connections;
  place.peers_ = this;
  place.peer_ = group;
  return Verdict::admitted;
}

void Peers::leave(const std::string& peer) {
  const auto it = peers_.find(peer);
  if (it != peers_.end()) --it->second.connections;
}

void Peers::sweep(Seconds now) {
  std::erase_if(peers_, [&](const auto& item) {
    return item.second.connections == 0 && (limit_.per_second <= 0 || tokens(item.second, now) >= limit_.burst);
  });
}

}  // namespace sotto::net
