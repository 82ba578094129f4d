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

/// PostgreSQL with a table as the queue of all pairs: INSERT of up to 32 messages in a transaction, synchronous_commit
/// on; DELETE … RETURNING of at most 100 at a time, every 10 ms. `programs`: the folder of initdb and postgres. Throws
/// `NotHere` if the build had no libpq.
std::unique_ptr<Peer> make_postgresql(const std::string& programs);

/// A bare libwebsockets server (`program`: bench_echo) that sends back what comes: no storing, no routing.
std::unique_ptr<Peer> make_echo(const std::string& program);

}  // namespace sotto::bench
