#include "relay/json_connections.h"

#include <memory>
#include <utility>

#include "wire/limits.h"

namespace sotto::relay {

static_assert(net::max_message_bytes == wire::limits::frame_bytes);
static_assert(net::max_text_bytes == wire::limits::json_frame_bytes);

Bytes JsonConnections::frame_of(ByteView text) const {
  auto frame = frames_.decode(as_text(text));
  if (frame.ok()) return std::move(*frame);
  constexpr std::uint8_t no_field_of_protobuf = 0xFF;
  return {no_field_of_protobuf};
}

std::size_t JsonConnections::send(const Send& frame, std::vector<net::ServerAction>& actions) {
  auto texts = frames_.encode(frame.bytes);
  if (!texts.ok()) {
    actions.emplace_back(net::Close{frame.id, net::close_code::internal_error, "a frame that is no JSON"});
    return 0;
  }
  auto& queue = connections_[frame.id];
  std::size_t bytes = 0;
  for (auto& text : *texts) {
    bytes += text.size();
    queue.bytes += text.size();
    actions.emplace_back(net::Send{frame.id, std::make_shared<const Bytes>(std::move(text))});
  }
  if (std::exchange(queue.told, false)) grown_.push_back(frame.id);
  return bytes;
}

void JsonConnections::drained(ConnectionId id, std::size_t queued_bytes) {
  const auto it = connections_.find(id);
  if (it != connections_.end()) it->second.bytes = queued_bytes;
}

void JsonConnections::tell_queued(std::vector<Input>& inputs) {
  for (const auto id : std::exchange(grown_, {})) {
    const auto it = connections_.find(id);
    if (it == connections_.end()) continue;
    it->second.told = true;
    inputs.emplace_back(Drained{id, it->second.bytes});
  }
}

}  // namespace sotto::relay
