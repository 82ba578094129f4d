// The relay's JSON connections, at the edge: text becomes frames before the core sees it, and frames become text after.
#pragma once

#include <unordered_map>
#include <vector>

#include "net/server.h"
#include "relay/io.h"
#include "wire/json_frame.h"

namespace sotto::relay {

/// One thread.
class JsonConnections {
 public:
  void opened(ConnectionId id) { connections_.try_emplace(id); }
  void closed(ConnectionId id) { connections_.erase(id); }
  [[nodiscard]] bool contains(ConnectionId id) const { return connections_.contains(id); }

  /// The frame that a text stands for. What stands for none becomes bytes that are none, so that the core does with it
  /// what it does with these.
  [[nodiscard]] Bytes frame_of(ByteView text) const;

  /// The core's frame as text, to be sent on; gives its bytes. What waits on the connection is counted as text.
  std::size_t send(const Send& frame, std::vector<net::ServerAction>& actions);
  /// The network's queue fell to this.
  void drained(ConnectionId id, std::size_t queued_bytes);
  /// The core counts what it sent in bytes of frames: this tells it how many bytes of text they have become.
  void tell_queued(std::vector<Input>& inputs);

 private:
  struct Queue {
    std::size_t bytes = 0;
    bool told = true;
  };
  wire::JsonFrames frames_;
  std::unordered_map<ConnectionId, Queue> connections_;
  /// Those whose queue grew since it was told.
  std::vector<ConnectionId> grown_;
};

}  // namespace sotto::relay
