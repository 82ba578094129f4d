// The servers of others that bench_relay knows.
#pragma once

#include "load/peer.h"

namespace sotto::bench {

/// Redis with a stream a pair, appendfsync always: XADD; XREAD of at most 100; XDEL.
std::unique_ptr<Peer> make_redis();

enum class NatsSync { always, by_default };
/// A JetStream of file storage with a work queue a pair; each message is acknowledged by the server, and by the
/// recipient. `program`: nats-server, 2.10 or later for `always`.
std::unique_ptr<Peer> make_nats(const std::string& program, NatsSync sync);

/// Mosquitto with a topic a pair, QoS 1, persistent sessions. It writes to disk now and then, not before it answers.
std::unique_ptr<Peer> make_mosquitto();

/// ejabberd with two accounts a pair, both online. It stores nothing for them, so what answers a message is the
/// recipient's receipt (XEP-0184).
std::unique_ptr<Peer> make_ejabberd();

/// A bare libwebsockets server (`program`: bench_echo) that sends back what comes: no storing, no routing.
std::unique_ptr<Peer> make_echo(const std::string& program);

}  // namespace sotto::bench
