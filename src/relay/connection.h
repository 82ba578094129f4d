// What the core knows of one connection.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/chat_rules.h"
#include "relay/io.h"
#include "relay/rate_limits.h"

namespace sotto::relay {

/// What a connection may do; the last three are given in `authenticate`.
enum class ConnectionKind : std::uint8_t { unauthenticated, main, media, peek };

/// A request that waits for its turn, or for its writes.
struct Waiting {
  std::uint64_t id = 0;
  wire::Request request;
  std::size_t bytes = 0;
  /// How often it was tried and met a conflict.
  int conflicts = 0;
  /// It was counted against the limit of its connection.
  bool admitted = false;
  /// Its part of the sender's rate limit was taken, in a turn before.
  bool counted = false;
  /// How often an invitation was written down for it.
  int reservations = 0;
  /// An ack that others were joined to (Acks).
  bool joined = false;
  /// Received::stamp.
  std::uint64_t stamp = 0;
};

/// Acks of a connection that wait.
struct HeldAcks {
  /// When they are carried out; or when the last ones were, if none wait.
  std::uint64_t due = 0;
  std::uint64_t ack_no = 0;
  std::map<ChatId, std::uint64_t> cursors;
};

/// What one connection was sent of one chat and has not acked yet, and how far it was sent.
struct Feed {
  struct InFlight {
    std::uint64_t seq = 0;
    std::size_t bytes = 0;
  };
  /// The next seq to look at.
  std::uint64_t next = 0;
  std::vector<InFlight> in_flight;
  /// Stands in `Delivery::ready`.
  bool ready = false;
  /// The device said that it has what it was sent, and that is not durable yet: to be remembered till then.
  bool arrived = false;
};

/// Of a main or peek connection.
struct DeliveryState {
  /// Nothing is sent before the device knows its heads.
  bool heads_told = false;
  /// Where the scan for heads goes on, and the chats of the page at hand.
  Bytes heads_after;
  std::vector<ChatId> heads_page;
  bool heads_reading = false;
  bool heads_page_is_last = false;
  wire::Heads heads;
  std::vector<wire::DeliveryReceipt> receipts;
  std::vector<wire::Push> read_marks;
  /// Receipts that changed since then are told after the heads.
  std::uint64_t receipts_since = 0;

  std::unordered_map<ChatId, Feed> feeds;
  /// Chats with something to send, served in turn.
  std::list<ChatId> ready;
  /// Chats that could not be read: waiting for another try, and those whose time has come.
  std::set<ChatId> unread;
  std::vector<ChatId> to_retry;
  std::size_t entries_in_flight = 0;
  std::size_t bytes_in_flight = 0;
  /// A read of the log for this connection is under way: one at a time bounds its memory.
  bool reading = false;
};

struct Connection {
  ConnectionId id = 0;
  /// The peer's, or of an IPv6 one its network (net::peer_group).
  std::string address;
  Bytes nonce;
  ConnectionKind kind = ConnectionKind::unauthenticated;
  Sender sender;
  std::uint64_t session = 0;

  TokenBucket requests;
  std::list<Waiting> waiting;
  std::size_t waiting_bytes = 0;
  HeldAcks held_acks;
  /// Its next request waits until the writes of the last one are done.
  bool blocked = false;
  /// Nothing of it is accepted any more; its Close is on the way.
  bool closing = false;
  /// Stands in the core's list of those with something to do.
  bool runnable = false;
  /// Stands in the list of those to be served.
  bool pumping = false;
  /// Answers that wait for their writes.
  std::size_t answer_bytes = 0;
  /// What waits in the network's queue.
  std::size_t unsent_bytes = 0;

  std::unique_ptr<DeliveryState> delivery;
};

}  // namespace sotto::relay
