// Client and server together, over TLS on loopback.
#include "unit/net/fixture.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

TEST_CASE("messages of all sizes come back from an echo") {
  const Certificates certificates;
  TestServer server(certificates, TestServer::Mode::echo);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  Bytes expected;
  constexpr std::size_t sizes[] = {1,    2,     125,   126,   127,   511,    512,   513,
                                   4095, 16384, 65535, 65536, 65537, 262143, 262144};
  for (const std::size_t size : sizes) {
    const Bytes message = pattern(size, static_cast<std::uint32_t>(size));
    append(expected, message);
    REQUIRE(client.send(1, message).ok());
    REQUIRE(client.wait_received(1, expected.size()));
  }
  CHECK(client.received(1) == expected);
  CHECK(server.state.with([](ServerState& s) { return s.peers; }) == std::set<std::string>{"127.0.0.1"});
}

TEST_CASE("a message above the limit is refused by send") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.send(1, Bytes(max_message_bytes + 1)).code() == ErrorCode::TOO_LARGE);
  CHECK(client.send(2, Bytes(1)).code() == ErrorCode::CLOSED);
}

TEST_CASE("a message above the server's limit closes its connection with 1009, and no other") {
  const Certificates certificates;
  ServerConfig config;
  config.max_message_bytes = 1000;
  TestServer server(certificates, TestServer::Mode::echo, config);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.connect(2, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  REQUIRE(client.wait_open(2));
  REQUIRE(client.send(1, Bytes(1001)).ok());
  const CloseInfo info = client.wait_closed(1);
  CHECK(info.code == close_code::too_big);
  CHECK(info.error.code == ErrorCode::PROTOCOL_ERROR);
  REQUIRE(client.send(2, Bytes(1000, 7)).ok());
  REQUIRE(client.wait_received(2, 1000));
}

TEST_CASE("a message above the client's limit closes the connection") {
  const Certificates certificates;
  TestServer server(certificates);
  ClientOptions options;
  options.max_message_bytes = 1000;
  TestClient client(options);
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  server.send(server.nth(0), Bytes(1001));
  const CloseInfo info = client.wait_closed(1);
  CHECK(info.code == close_code::too_big);
  CHECK(info.error.code == ErrorCode::PROTOCOL_ERROR);
}

TEST_CASE("messages that wait together travel together, complete and in order") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  const ConnectionId id = server.nth(0);
  REQUIRE(client.wait_open(1));
  const Bytes all = pattern(3'000'000);
  const std::size_t piece = 1000;

  SECTION("to the server") {
    client.on_loop([&](ClientLoop& loop) {
      for (std::size_t at = 0; at < all.size(); at += piece) {
        if (!loop.send(1, to_bytes(ByteView(all).subspan(at, piece))).ok()) return false;
      }
      return loop.queued_bytes(1) == all.size();
    });
    REQUIRE(server.state.wait([&](ServerState& s) { return s.received[id].size() >= all.size(); }));
    server.state.with([&](ServerState& s) {
      CHECK(s.received[id] == all);
      CHECK(s.messages <= all.size() / (coalesce_bytes - piece) + 1);
      CHECK(*std::max_element(s.message_sizes.begin(), s.message_sizes.end()) <= coalesce_bytes);
    });
  }
  SECTION("to the client") {
    std::vector<ServerAction> actions;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      actions.push_back(Send{id, std::make_shared<const Bytes>(to_bytes(ByteView(all).subspan(at, piece)))});
    }
    server.server().submit(std::move(actions));
    REQUIRE(client.wait_received(1, all.size()));
    CHECK(client.received(1) == all);
    CHECK(client.state.with([](ClientState& s) { return s.messages[1]; }) <= all.size() / (coalesce_bytes - piece) + 1);
    CHECK(server.state.wait([](ServerState& s) { return s.drained.size() == 1; }));
  }
}

TEST_CASE("what was sent before the connection is open goes out when it is") {
  const Certificates certificates;
  TestServer server(certificates, TestServer::Mode::echo);
  TestClient client;
  client.on_loop([&](ClientLoop& loop) {
    return loop.connect(1, endpoint_of(server.port(), certificates)).ok() && loop.send(1, Bytes{1, 2}).ok() &&
           loop.send(1, Bytes{3}).ok();
  });
  REQUIRE(client.wait_received(1, 3));
  CHECK(client.received(1) == Bytes{1, 2, 3});
}

TEST_CASE("the client's queue is bounded") {
  const Certificates certificates;
  TestServer server(certificates);
  ClientOptions options;
  options.max_queued_bytes = 1000;
  TestClient client(options);
  const Status status = client.on_loop([&](ClientLoop& loop) -> Status {
    if (!loop.connect(1, endpoint_of(server.port(), certificates)).ok() || !loop.send(1, Bytes(1000)).ok()) return {};
    return loop.send(1, Bytes(1));
  });
  CHECK(status.code() == ErrorCode::LIMIT_EXCEEDED);
}

TEST_CASE("a close is told to the other end with its code and reason, after what was queued") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  const ConnectionId id = server.nth(0);
  REQUIRE(client.wait_open(1));

  SECTION("by the server") {
    server.server().submit({Send{id, std::make_shared<const Bytes>(Bytes(200'000, 1))},
                            Send{id, std::make_shared<const Bytes>(Bytes(200'000, 2))}, Close{id, 4000, "because"},
                            Send{id, std::make_shared<const Bytes>(Bytes(1))}});
    const CloseInfo info = client.wait_closed(1);
    CHECK(info.code == 4000);
    CHECK(info.reason == "because");
    CHECK(info.error.code == ErrorCode::UNAVAILABLE);
    CHECK(client.received(1).size() == 400'000);
  }
  SECTION("by the client") {
    client.on_loop([&](ClientLoop& loop) {
      const bool sent = loop.send(1, Bytes(200'000)).ok() && loop.send(1, Bytes(200'000)).ok();
      loop.close(1);
      return sent && loop.send(1, Bytes(1)).code() == ErrorCode::CLOSED;
    });
    CHECK(client.wait_closed(1).error.code == ErrorCode::CLOSED);
    REQUIRE(server.state.wait([](ServerState& s) { return s.closed == 1; }));
    CHECK(server.state.with([&](ServerState& s) { return s.received[id].size(); }) == 400'000);
  }
  CHECK(client.state.with([](ClientState& s) { return s.closed[1].size(); }) == 1);
}

TEST_CASE("a stopping server says goodbye with 1001, after what it has queued") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  server.send(server.nth(0), Bytes(250'000));
  server.server().stop(patience);
  const CloseInfo info = client.wait_closed(1);
  CHECK(info.code == close_code::going_away);
  CHECK(info.error.code == ErrorCode::UNAVAILABLE);
  CHECK(client.received(1).size() == 250'000);
  CHECK(server.state.with([](ServerState& s) { return s.open.empty() && s.closed == 1; }));

  REQUIRE(client.connect(2, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.wait_closed(2).error.code == ErrorCode::UNAVAILABLE);
  server.send(1, Bytes(1));  // harmless
  CHECK(server.server().reload_certificate().code() == ErrorCode::CLOSED);
}

TEST_CASE("a connection that breaks without a Close frame ends with 1006") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  server.nth(0);
  // With the client's thread held, the server cannot get an answer to its Close frame, and cuts.
  client.on_loop([&](ClientLoop&) {
    server.server().stop(std::chrono::milliseconds(0));
    return true;
  });
  const CloseInfo info = client.wait_closed(1);
  CHECK((info.code == close_code::abnormal || info.code == close_code::going_away));
  CHECK(info.error.code == ErrorCode::UNAVAILABLE);
  CHECK(info.error.retryable);
}

TEST_CASE("a client that goes away is noticed by the server") {
  const Certificates certificates;
  TestServer server(certificates);
  {
    TestClient client;
    REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
    REQUIRE(client.wait_open(1));
    client.stop();
    CHECK(client.state.with([](ClientState& s) { return s.closed[1].size(); }) == 1);
  }
  CHECK(server.state.wait([](ServerState& s) { return s.closed == 1; }));
}

TEST_CASE("a slow reader is dropped when its queue is full, while others are served") {
  const Certificates certificates;
  ServerConfig config;
  config.max_queued_bytes = 1'000'000;
  TestServer server(certificates, TestServer::Mode::echo, config);
  TestClient slow;
  TestClient other;
  REQUIRE(slow.connect(1, endpoint_of(server.port(), certificates)).ok());
  const ConnectionId id = server.nth(0);
  REQUIRE(slow.wait_open(1));
  REQUIRE(other.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(other.wait_open(1));

  slow.on_loop([&](ClientLoop&) {  // its thread reads nothing until this returns
    for (int i = 0; i < 100; ++i) server.send(id, Bytes(200'000));
    return server.state.wait([&](ServerState& s) { return !s.open.contains(id); });
  });
  CHECK(slow.wait_closed(1).error.code != ErrorCode::INTERNAL);
  CHECK(slow.received(1).size() < 100 * 200'000);

  REQUIRE(other.send(1, Bytes(1000)).ok());
  CHECK(other.wait_received(1, 1000));
}

TEST_CASE("a slow reader within the limits gets everything") {
  const Certificates certificates;
  ServerConfig config;
  config.max_queued_bytes = 20'000'000;
  TestServer server(certificates, TestServer::Mode::record, config);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  const ConnectionId id = server.nth(0);
  REQUIRE(client.wait_open(1));
  const Bytes all = pattern(15'000'000);
  client.on_loop([&](ClientLoop&) {
    for (std::size_t at = 0; at < all.size(); at += 150'000) {
      server.send(id, to_bytes(ByteView(all).subspan(at, 150'000)));
    }
    return true;
  });
  REQUIRE(client.wait_received(1, all.size()));
  CHECK(client.received(1) == all);
}

TEST_CASE("a server whose handler does not keep up stops reading") {
  const Certificates certificates;
  ServerConfig config;
  config.max_unprocessed_bytes = 300'000;
  TestServer server(certificates, TestServer::Mode::record, config);
  ClientOptions options;
  options.max_queued_bytes = 40'000'000;
  TestClient client(options);
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  const ConnectionId id = server.nth(0);
  const Bytes all = pattern(30'000'000);  // more than the sockets between them hold
  client.on_loop([&](ClientLoop& loop) {
    for (std::size_t at = 0; at < all.size(); at += 100'000) {
      if (!loop.send(1, to_bytes(ByteView(all).subspan(at, 100'000))).ok()) return false;
    }
    return true;
  });
  std::size_t processed = 0;
  while (processed < all.size()) {
    REQUIRE(server.state.wait([&](ServerState& s) { return s.received[id].size() > processed; }));
    const auto received = server.state.with([&](ServerState& s) { return s.received[id].size(); });
    CHECK(received - processed <= config.max_unprocessed_bytes + max_message_bytes);
    server.server().submit({Processed{id, received - processed}});
    processed = received;
  }
  CHECK(server.state.with([&](ServerState& s) { return s.received[id] == all; }));
}

TEST_CASE("many connections at once") {
  constexpr std::size_t count = 200;
  const Certificates certificates;
  ServerConfig config;
  config.max_handshakes = 20;
  TestServer server(certificates, TestServer::Mode::echo, config);
  TestClient client;
  client.on_loop([&](ClientLoop& loop) {
    for (ConnectionId id = 1; id <= count; ++id) {
      if (!loop.connect(id, endpoint_of(server.port(), certificates)).ok()) return false;
    }
    return true;
  });
  REQUIRE(client.state.wait([](ClientState& s) { return s.open.size() == count; }));
  client.on_loop([&](ClientLoop& loop) {
    for (ConnectionId id = 1; id <= count; ++id) {
      if (!loop.send(id, Bytes(100, static_cast<std::uint8_t>(id))).ok()) return false;
    }
    return true;
  });
  REQUIRE(client.state.wait([](ClientState& s) {
    for (ConnectionId id = 1; id <= count; ++id) {
      if (s.received[id] != Bytes(100, static_cast<std::uint8_t>(id))) return false;
    }
    return true;
  }));
  client.stop();
  CHECK(server.state.wait([](ServerState& s) { return s.closed == count; }));
}

TEST_CASE("connections above the server's limit are closed at once") {
  const Certificates certificates;
  ServerConfig config;
  config.max_connections = 2;
  TestServer server(certificates, TestServer::Mode::record, config);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.connect(2, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  REQUIRE(client.wait_open(2));
  REQUIRE(client.connect(3, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.wait_closed(3).error.retryable);
  client.close(1);
  client.wait_closed(1);
  REQUIRE(server.state.wait([](ServerState& s) { return s.closed == 1; }));
  REQUIRE(client.connect(4, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.wait_open(4));
}

TEST_CASE("two servers and two clients live in one process") {
  const Certificates certificates;
  TestServer a(certificates, TestServer::Mode::echo);
  TestServer b(certificates, TestServer::Mode::echo);
  TestClient x;
  TestClient y;
  for (TestClient* client : {&x, &y}) {
    REQUIRE(client->connect(1, endpoint_of(a.port(), certificates)).ok());
    REQUIRE(client->connect(2, endpoint_of(b.port(), certificates)).ok());
    REQUIRE(client->send(1, Bytes{1}).ok());
    REQUIRE(client->send(2, Bytes{2}).ok());
  }
  for (TestClient* client : {&x, &y}) {
    REQUIRE(client->wait_received(1, 1));
    REQUIRE(client->wait_received(2, 1));
    CHECK(client->received(1) == Bytes{1});
    CHECK(client->received(2) == Bytes{2});
  }
  a.server().stop(patience);
  REQUIRE(x.send(2, Bytes{3}).ok());
  CHECK(x.wait_received(2, 2));
}

TEST_CASE("idle connections are kept alive by pings, in both directions") {
  const Certificates certificates;
  ServerConfig config;
  config.ping_interval = std::chrono::seconds(1);
  TestServer server(certificates, TestServer::Mode::echo, config);
  ClientOptions options;
  options.ping_interval = std::chrono::seconds(1);
  TestClient client(options);
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  std::this_thread::sleep_for(std::chrono::seconds(5));  // longer than either end would wait in silence
  CHECK(client.state.with([](ClientState& s) {
    return s.closed[1].empty() ? std::string() : s.closed[1].front().error.message;
  }) == "");
  REQUIRE(client.send(1, Bytes{1}).ok());
  CHECK(client.wait_received(1, 1));
  CHECK(server.state.with([](ServerState& s) { return s.closed; }) == 0);
}

TEST_CASE("a peer that answers no ping is dropped") {
  const Certificates certificates;
  ServerConfig config;
  config.ping_interval = std::chrono::seconds(1);
  TestServer server(certificates, TestServer::Mode::record, config);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.wait_open(1));
  const bool dropped =
      client.on_loop([&](ClientLoop&) { return server.state.wait([](ServerState& s) { return s.closed == 1; }); });
  CHECK(dropped);
}
