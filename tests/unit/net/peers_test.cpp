// How many connections an address may have.
#include "net/server_peers.h"
#include "unit/net/fixture.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

TEST_CASE("an IPv4 address is a peer of its own, and so is an IPv6 network of 64 bits") {
  CHECK(peer_group("192.0.2.1") == "192.0.2.1");
  CHECK(peer_group("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(peer_group("2001:db8:1:2::1") == "2001:db8:1:2::/64");
  CHECK(peer_group("2001:db8:1:3::1") == "2001:db8:1:3::/64");
  CHECK(peer_group("::1") == "::/64");
  CHECK(peer_group("what is this") == "what is this");
}

TEST_CASE("an address has so many places, and gets them back") {
  Peers peers({2, 0, 0});
  Peers::Place a;
  Peers::Place c;
  Peers::Place other;
  {
    Peers::Place b;
    CHECK(peers.admit("2001:db8::1", 0, a) == Peers::Verdict::admitted);
    CHECK(peers.admit("2001:db8::2", 0, b) == Peers::Verdict::admitted);
    CHECK(peers.admit("2001:db8::3", 0, c) == Peers::Verdict::too_many);
    CHECK(peers.admit("192.0.2.1", 0, other) == Peers::Verdict::admitted);
    const Peers::Place moved = std::move(b);
  }
  CHECK(peers.admit("2001:db8::3", 0, c) == Peers::Verdict::admitted);
  peers.sweep(0);
  CHECK(peers.size() == 2);
  a = Peers::Place();
  c = Peers::Place();
  peers.sweep(0);
  CHECK(peers.size() == 1);
}

TEST_CASE("an address makes so many connections at once, and then so many a second") {
  Peers peers({0, 10, 2});
  const auto made = [&](double now) {
    int count = 0;
    for (Peers::Place place; peers.admit("192.0.2.1", now, place) == Peers::Verdict::admitted; place = {}) ++count;
    return count;
  };
  CHECK(made(100) == 10);
  CHECK(made(100) == 0);
  CHECK(made(101) == 2);
  CHECK(made(90) == 0);  // a clock that was set back gives nothing
  Peers::Place place;
  CHECK(peers.admit("192.0.2.2", 101, place) == Peers::Verdict::admitted);
  place = {};
  peers.sweep(102);
  CHECK(peers.size() == 1);
  peers.sweep(200);
  CHECK(peers.size() == 0);
}

TEST_CASE("connections above an address's limit are closed at once, and told of") {
  const Certificates certificates;
  ServerConfig config;
  config.per_address.connections = 2;
  TestServer server(certificates, TestServer::Mode::record, config);
  TestClient client;
  for (ConnectionId id : {1, 2}) {
    REQUIRE(client.connect(id, endpoint_of(server.port(), certificates)).ok());
    REQUIRE(client.wait_open(id));
  }
  REQUIRE(client.connect(3, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.wait_closed(3).error.retryable);
  CHECK(server.state.wait([](ServerState& s) { return s.refused == 1; }));
  client.close(1);
  client.wait_closed(1);
  REQUIRE(server.state.wait([](ServerState& s) { return s.closed == 1; }));
  REQUIRE(client.connect(4, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.wait_open(4));
}
