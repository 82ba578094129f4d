#include "sim/network.h"

#include <algorithm>

#include "sim/world.h"

namespace sotto::sim {

namespace {
/// Two missed pings.
constexpr Milliseconds silence_noticed{60'000};
/// A link that nobody made narrow.
constexpr std::uint64_t usual_rate = 4'000'000;
}  // namespace

Network::Link* Network::find(relay::ConnectionId id) {
  const auto it = links_.find(id);
  return it == links_.end() ? nullptr : &it->second;
}

Device* Network::device_of(relay::ConnectionId id) {
  auto* link = find(id);
  return link == nullptr ? nullptr : link->device;
}

bool Network::known_to_relay(const Device& device) const {
  return std::ranges::any_of(links_,
                             [&](const auto& item) { return item.second.device == &device && item.second.relay_open; });
}

bool Network::works(relay::ConnectionId id) const {
  const auto it = links_.find(id);
  return it != links_.end() && it->second.relay_open && !it->second.severed;
}

Timestamp Network::opened_at(relay::ConnectionId id) const {
  const auto it = links_.find(id);
  return it == links_.end() ? Timestamp{} : it->second.opened;
}

std::vector<relay::ConnectionId> Network::open() const {
  std::vector<relay::ConnectionId> out;
  for (const auto& [id, link] : links_) {
    if (link.client_open && link.relay_open && !link.severed) out.push_back(id);
  }
  return out;
}

relay::ConnectionId Network::connect(Device& device) {
  const auto id = ++last_;
  auto& link = links_[id];
  link.device = &device;
  link.client_open = true;
  link.latency = Milliseconds(world_.network_random.between(1, 30));
  link.bytes_per_second = usual_rate;
  world_.after(link.latency * 2, [this, id] {
    auto* found = find(id);
    if (found == nullptr) return;
    if (!found->client_open) return tidy(id);
    if (found->severed || !world_.relay().running()) {
      found->client_open = false;
      found->device->input(client::ConnectionLost{Error(ErrorCode::UNAVAILABLE, "no connection")}, id);
      return tidy(id);
    }
    found->relay_open = true;
    found->opened = world_.now();
    world_.oracle().push.on_opened(*found->device);
    world_.relay().input(relay::Opened{id, "10.0.0." + std::to_string(found->device->index() + 1)});
    found->device->input(client::Connected{}, id);
  });
  return id;
}

Timestamp Network::depart(Link& link, Direction& direction, std::size_t bytes) {
  const auto start = std::max({world_.now(), direction.sent_until, direction.stalled_until});
  direction.sent_until = start + Milliseconds(bytes * 1000 / std::max<std::uint64_t>(link.bytes_per_second, 1));
  return direction.sent_until;
}

Timestamp Network::arrive(Link& link, Direction& direction, Timestamp departure) {
  const auto extra =
      world_.now() < link.slow_until
          ? Milliseconds(world_.network_random.below(static_cast<std::uint64_t>(link.slow_latency.count()) + 1))
          : Milliseconds(world_.network_random.below(3));
  direction.last_arrival =
      std::max({direction.last_arrival, departure + link.latency + extra, direction.stalled_until});
  return direction.last_arrival;
}

void Network::send_up(relay::ConnectionId id, Bytes frame) {
  auto* link = find(id);
  if (link == nullptr || !link->client_open) return;
  const auto at = arrive(*link, link->up, depart(*link, link->up, frame.size()));
  ++link->up.on_the_way;
  world_.at(at, [this, id, bytes = std::move(frame)]() mutable {
    auto* found = find(id);
    if (found == nullptr) return;
    --found->up.on_the_way;
    if (found->severed || !found->relay_open) return;
    world_.relay().input(relay::Received{id, std::move(bytes)});
  });
}

void Network::send_down(relay::ConnectionId id, Bytes frame) {
  auto* link = find(id);
  if (link == nullptr || !link->relay_open) return;
  const auto size = frame.size();
  const auto gone = depart(*link, link->down, size);
  const auto at = arrive(*link, link->down, gone);
  link->down.queued += size;
  ++link->down.on_the_way;
  world_.at(gone, [this, id, size] {
    auto* found = find(id);
    if (found == nullptr) return;
    found->down.queued -= size;
    if (found->relay_open && found->down.queued == 0) world_.relay().input(relay::Drained{id, 0});
  });
  world_.at(at, [this, id, bytes = std::move(frame)]() mutable {
    auto* found = find(id);
    if (found == nullptr) return;
    --found->down.on_the_way;
    if (found->severed || !found->client_open) return;
    found->device->input(client::FrameReceived{std::move(bytes)}, id);
  });
}

void Network::tidy(relay::ConnectionId id) {
  auto* link = find(id);
  if (link == nullptr || link->client_open || link->relay_open) return;
  // Callbacks of frames on their way look it up again and find nothing.
  links_.erase(id);
}

void Network::tell_client(relay::ConnectionId id, Milliseconds after) {
  world_.after(after, [this, id] {
    auto* link = find(id);
    if (link == nullptr || !link->client_open) return;
    link->client_open = false;
    auto* device = link->device;
    tidy(id);
    device->input(client::ConnectionLost{Error(ErrorCode::UNAVAILABLE, "the connection was lost")}, id);
  });
}

void Network::tell_relay(relay::ConnectionId id, Milliseconds after) {
  world_.after(after, [this, id] {
    auto* link = find(id);
    if (link == nullptr || !link->relay_open) return;
    link->relay_open = false;
    tidy(id);
    world_.relay().input(relay::Closed{id});
  });
}

void Network::close_by_client(relay::ConnectionId id) {
  auto* link = find(id);
  if (link == nullptr) return;
  link->client_open = false;
  if (!link->relay_open) return tidy(id);
  tell_relay(id, std::max(link->up.last_arrival - world_.now(), Milliseconds(0)) + link->latency);
}

void Network::close_by_relay(relay::ConnectionId id) {
  auto* link = find(id);
  if (link == nullptr) return;
  link->relay_open = false;
  if (!link->client_open) return tidy(id);
  tell_client(id, std::max(link->down.last_arrival - world_.now(), Milliseconds(0)) + link->latency);
}

void Network::client_died(relay::ConnectionId id, bool silently) {
  auto* link = find(id);
  if (link == nullptr) return;
  link->client_open = false;
  link->severed = true;
  if (!link->relay_open) return tidy(id);
  tell_relay(id, silently ? silence_noticed : link->latency);
}

void Network::relay_died(bool silently) {
  std::vector<relay::ConnectionId> ids;
  for (auto& [id, link] : links_) {
    link.severed = true;
    link.relay_open = false;
    ids.push_back(id);
  }
  for (const auto id : ids) {
    auto* link = find(id);
    if (!link->client_open) {
      tidy(id);
    } else {
      tell_client(id, silently ? silence_noticed : link->latency);
    }
  }
}

bool Network::cut(relay::ConnectionId id, bool half_open) {
  auto* link = find(id);
  if (link == nullptr || !link->client_open || link->severed) return false;
  link->severed = true;
  const bool client_late = world_.network_random.below(2) == 0;
  const auto soon = Milliseconds(world_.network_random.below(50));
  tell_client(id, half_open && client_late ? silence_noticed : soon);
  tell_relay(id, half_open && !client_late ? silence_noticed : soon);
  return true;
}

bool Network::busy(relay::ConnectionId id) const {
  const auto it = links_.find(id);
  return it != links_.end() && it->second.up.on_the_way + it->second.down.on_the_way > 0;
}

void Network::stall(relay::ConnectionId id, Side side, Milliseconds time) {
  auto* link = find(id);
  if (link == nullptr) return;
  auto& direction = side == Side::up ? link->up : link->down;
  direction.stalled_until = std::max(direction.stalled_until, world_.now() + time);
  if (time < silence_noticed) return;
  world_.after(silence_noticed, [this, id] { cut(id, false); });
}

void Network::slow_down(relay::ConnectionId id, Milliseconds latency, Milliseconds time) {
  if (auto* link = find(id)) {
    link->slow_latency = latency;
    link->slow_until = world_.now() + time;
  }
}

void Network::set_rate(relay::ConnectionId id, std::uint64_t bytes_per_second) {
  if (auto* link = find(id)) link->bytes_per_second = bytes_per_second;
}

void Network::heal() {
  for (auto& [id, link] : links_) {
    link.slow_until = {};
    link.bytes_per_second = usual_rate;
  }
}

}  // namespace sotto::sim
