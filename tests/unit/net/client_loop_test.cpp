#include "net/client_loop.h"

#include "unit/net/fixture.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

TEST_CASE("any number of wake-ups reach the loop, merged") {
  TestClient client;
  constexpr std::size_t threads = 4;
  constexpr std::size_t wakes = 10'000;
  std::vector<std::thread> wakers;
  for (std::size_t i = 0; i < threads; ++i) {
    wakers.emplace_back([&] {
      for (std::size_t n = 0; n < wakes / threads; ++n) client.loop().wake();
    });
  }
  for (auto& thread : wakers) thread.join();
  client.on_loop([](ClientLoop&) { return true; });  // so the last wake-up was not lost
  CHECK(client.state.with([](ClientState& s) { return s.wakes; }) <= wakes + 2);
}

TEST_CASE("a loop wakes once by itself when it starts, also when woken before") {
  TestClient client;
  CHECK(client.state.wait([](ClientState& s) { return s.wakes >= 1; }));
}

TEST_CASE("the timer fires once, can be moved, and can be stopped") {
  TestClient client;
  const auto set = [&](std::optional<std::chrono::milliseconds> delay) {
    client.on_loop([=](ClientLoop& loop) {
      loop.set_timer(delay ? std::optional(std::chrono::steady_clock::now() + *delay) : std::nullopt);
      return true;
    });
  };
  const auto fired = [&](std::size_t count) {
    return client.state.wait([=](ClientState& s) { return s.timers == count; });
  };
  set(std::chrono::milliseconds(1));
  REQUIRE(fired(1));
  set(std::chrono::hours(1));
  set(std::chrono::milliseconds(-5));  // the past is now
  REQUIRE(fired(2));
  set(std::chrono::milliseconds(20));
  set(std::nullopt);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  CHECK(client.state.with([](ClientState& s) { return s.timers; }) == 2);
}

TEST_CASE("connecting to a closed port ends in exactly one on_close") {
  const Certificates certificates;
  std::uint16_t port = 0;
  {
    TestServer gone(certificates);
    port = gone.port();
  }
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(port, certificates)).ok());
  const CloseInfo info = client.wait_closed(1);
  CHECK(info.code == close_code::abnormal);
  CHECK(info.error.code == ErrorCode::UNAVAILABLE);
  CHECK(client.on_loop([](ClientLoop& loop) { return loop.send(1, Bytes(1)); }).code() == ErrorCode::CLOSED);
  client.stop();
  client.state.with([](ClientState& s) {
    CHECK(s.closed[1].size() == 1);
    CHECK(s.opens == 0);
  });
}

TEST_CASE("a name that does not exist ends in exactly one on_close") {
  const Certificates certificates;
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(443, certificates, "does-not-exist.invalid")).ok());
  CHECK(client.wait_closed(1).error.code == ErrorCode::UNAVAILABLE);
}

TEST_CASE("a server that accepts but says nothing is given up after the connect timeout") {
  const Certificates certificates;
  ServerConfig config;
  config.max_handshakes = 0;  // leaves connections to the kernel
  TestServer silent(certificates, TestServer::Mode::record, config);
  ClientOptions options;
  options.connect_timeout = std::chrono::milliseconds(300);
  TestClient client(options);
  REQUIRE(client.connect(1, endpoint_of(silent.port(), certificates)).ok());
  const CloseInfo info = client.wait_closed(1);
  CHECK(info.error.code == ErrorCode::UNAVAILABLE);
  CHECK(info.error.message == "no connection in time");
}

TEST_CASE("a connection can be closed at any stage") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  SECTION("in the call that follows connect") {
    client.on_loop([&](ClientLoop& loop) {
      const bool started = loop.connect(1, endpoint_of(server.port(), certificates)).ok();
      loop.close(1);
      loop.close(1);
      return started;
    });
  }
  SECTION("while its name is looked up") {
    client.on_loop([&](ClientLoop& loop) {
      const bool started = loop.connect(1, endpoint_of(server.port(), certificates, "localhost")).ok();
      loop.close(1);
      return started;
    });
  }
  SECTION("during the handshake") {
    REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
    client.close(1);
  }
  SECTION("when it is open") {
    REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
    REQUIRE(client.wait_open(1));
    client.close(1, 4001, "enough");
    CHECK(client.wait_closed(1).code == 4001);
  }
  CHECK(client.wait_closed(1).error.code == ErrorCode::CLOSED);
  client.stop();
  CHECK(client.state.with([](ClientState& s) { return s.closed[1].size(); }) == 1);
}

TEST_CASE("a stopped loop has told the end of every connection, and takes no new ones") {
  const Certificates certificates;
  TestServer server(certificates);
  ServerConfig config;
  config.max_handshakes = 0;
  TestServer silent(certificates, TestServer::Mode::record, config);

  struct Reconnecting final : ClientHandler {
    std::unique_ptr<ClientLoop> loop;
    std::vector<Endpoint> endpoints;
    int opens = 0;
    int closes = 0;
    std::optional<ErrorCode> late;
    void on_wake() override {
      for (ConnectionId id = 1; id <= endpoints.size(); ++id) {
        if (!loop->connect(id, endpoints[id - 1]).ok()) ++closes;
      }
      endpoints.clear();
    }
    void on_timer() override {}
    void on_open(ConnectionId /*id*/) override {
      ++opens;
      loop->stop();
    }
    void on_message(ConnectionId /*id*/, Bytes /*message*/) override {}
    void on_close(ConnectionId /*id*/, CloseInfo /*info*/) override {
      ++closes;
      late = loop->connect(99, Endpoint{"127.0.0.1", 1, "/", {}}).code();
    }
  } handler;
  handler.loop = ClientLoop::create(handler).value();
  handler.endpoints = {endpoint_of(server.port(), certificates), endpoint_of(silent.port(), certificates),
                       endpoint_of(server.port(), certificates, "localhost")};
  handler.loop->run();
  CHECK(handler.opens >= 1);
  CHECK(handler.closes == 3);
  CHECK(handler.late == ErrorCode::CLOSED);
}

TEST_CASE("what is sent while a loop stops arrives before the end") {
  const Certificates certificates;
  TestServer server(certificates);
  struct Leaving final : ClientHandler {
    std::unique_ptr<ClientLoop> loop;
    Endpoint endpoint;
    int stops = 0;
    bool closed = false;
    void on_wake() override {
      if (!closed) CHECK(loop->connect(1, endpoint).ok());
    }
    void on_timer() override {}
    void on_open(ConnectionId id) override {
      CHECK(loop->send(id, pattern(10)).ok());
      loop->stop();
    }
    void on_message(ConnectionId /*id*/, Bytes /*message*/) override {}
    void on_close(ConnectionId /*id*/, CloseInfo /*info*/) override { closed = true; }
    void on_stop() override {
      ++stops;
      CHECK_FALSE(closed);
      CHECK(loop->send(1, pattern(20)).ok());
    }
  } handler;
  handler.loop = ClientLoop::create(handler).value();
  handler.endpoint = endpoint_of(server.port(), certificates);
  handler.loop->run();
  CHECK(handler.stops == 1);
  CHECK(handler.closed);
  const auto id = server.nth(0);
  REQUIRE(server.state.wait([&](ServerState& s) { return s.received[id].size() == 30; }));
  Bytes both = pattern(10);
  append(both, pattern(20));
  CHECK(server.state.with([&](ServerState& s) { return s.received[id]; }) == both);
}

TEST_CASE("a loop that never ran can be woken, stopped and destroyed") {
  struct : ClientHandler {
    void on_wake() override {}
    void on_timer() override {}
    void on_open(ConnectionId /*id*/) override {}
    void on_message(ConnectionId /*id*/, Bytes /*message*/) override {}
    void on_close(ConnectionId /*id*/, CloseInfo /*info*/) override {}
  } handler;
  const auto loop = ClientLoop::create(handler).value();
  loop->wake();
  loop->stop();
}

TEST_CASE("a connection that cannot be meant is refused without callbacks") {
  const Certificates certificates;
  TestClient client;
  CHECK(client.connect(1, Endpoint{}).code() == ErrorCode::INVALID_ARGUMENT);
  Endpoint nobody = endpoint_of(1, certificates);
  nobody.trust = {TrustRoots::pins_only, {}, {}};
  CHECK(client.connect(1, nobody).code() == ErrorCode::INVALID_ARGUMENT);
  Endpoint no_file = endpoint_of(1, certificates);
  no_file.trust.ca += ".missing";
  CHECK(client.connect(1, no_file).code() == ErrorCode::TLS_FAILED);
  Endpoint no_pem = endpoint_of(1, certificates);
  no_pem.trust = {TrustRoots::pem, "not a certificate", {}};
  CHECK(client.connect(1, no_pem).code() == ErrorCode::TLS_FAILED);
  client.stop();
  CHECK(client.state.with([](ClientState& s) { return s.closed.size(); }) == 0);
}

TEST_CASE("an id in use is refused") {
  const Certificates certificates;
  TestServer server(certificates);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.connect(1, endpoint_of(server.port(), certificates)).code() == ErrorCode::INVALID_ARGUMENT);
}
