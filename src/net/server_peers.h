// How many connections one address may have, and how soon it may make new ones.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>
#include <utility>

namespace sotto::net {

/// What of a numeric address counts as one peer: an IPv4 address as it is, of an IPv6 one its /64, which one customer
/// has as a rule. What is no address is given back.
std::string peer_group(const std::string& address);

/// Zero: no limit.
struct PeerLimit {
  /// Connections at a time.
  std::size_t connections = 0;
  /// New connections at once, and then a second.
  double burst = 0;
  double per_second = 0;
};

/// One thread. All places must be gone before it.
class Peers {
 public:
  using Seconds = double;
  explicit Peers(const PeerLimit& limit) : limit_(limit) {}
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  enum class Verdict { admitted, too_many, too_fast };

  /// A connection's place among those of its address, given back at its end.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : peers_(std::exchange(other.peers_, nullptr)), peer_(std::move(other.peer_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(peers_, other.peers_);
      std::swap(peer_, other.peer_);
      return *this;
    }
    ~Place() {
      if (peers_ != nullptr) peers_->leave(peer_);
    }

   private:
    friend class Peers;
    Peers* peers_ = nullptr;
    std::string peer_;
  };

  /// `now` in seconds on a clock that never goes back. If admitted, `place` is the connection's.
  Verdict admit(const std::string& address, Seconds now, Place& place);
  /// Forgets addresses that have nothing here and could begin anew.
  void sweep(Seconds now);
  [[nodiscard]] std::size_t size() const { return peers_.size(); }

 private:
  struct Peer {
    std::size_t connections = 0;
    double tokens = 0;
    Seconds at = 0;
  };
  void leave(const std::string& peer);
  [[nodiscard]] double tokens(const Peer& peer, Seconds now) const;

  const PeerLimit limit_;
  std::unordered_map<std::string, Peer> peers_;
};

}  // namespace sotto::net
