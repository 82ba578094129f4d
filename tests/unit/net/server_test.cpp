#include "net/server.h"

#include <fstream>

#include "unit/net/raw_client.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

namespace {

struct Silent final : ServerHandler {
  void on_events(std::vector<ServerEvent>&& /*events*/) override {}
};

ServerConfig config_with(const Certificates& certificates) {
  ServerConfig config;
  config.certificate_path = certificates.certificate;
  config.key_path = certificates.key;
  return config;
}

}  // namespace

TEST_CASE("a server tells what keeps it from starting") {
  const Certificates certificates;
  Silent handler;
  ServerConfig config = config_with(certificates);
  SECTION("a taken port") {
    const auto first = Server::start(config, handler).value();
    config.port = first->port();
    CHECK(Server::start(config, handler).code() == ErrorCode::ADDRESS_IN_USE);
    first->stop(patience);
    CHECK(Server::start(config, handler).ok());  // free at once
  }
  SECTION("no certificate") {
    config.certificate_path += ".missing";
    CHECK(Server::start(config, handler).code() == ErrorCode::TLS_FAILED);
  }
  SECTION("a file that is no certificate") {
    std::ofstream(certificates.certificate) << "nothing";
    CHECK(Server::start(config, handler).code() == ErrorCode::TLS_FAILED);
  }
  SECTION("the key of another certificate") {
    const Certificates others;
    config.key_path = others.key;
    CHECK(Server::start(config, handler).code() == ErrorCode::TLS_FAILED);
  }
  SECTION("an address that is none, or is not here") {
    config.bind_address = "localhost";
    CHECK(Server::start(config, handler).code() == ErrorCode::INVALID_ARGUMENT);
    config.bind_address = "192.0.2.1";
    CHECK(Server::start(config, handler).code() == ErrorCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("a server can be stopped twice, and used after") {
  const Certificates certificates;
  Silent handler;
  const auto server = Server::start(config_with(certificates), handler).value();
  server->stop(patience);
  server->stop(patience);
  server->submit({Close{1, 1000, {}}});
  CHECK(server->port() != 0);
}

TEST_CASE("actions on ids that are not there are ignored") {
  const Certificates certificates;
  TestServer server(certificates, TestServer::Mode::echo);
  server.server().submit(
      {Send{77, std::make_shared<const Bytes>(Bytes(1))}, Close{77, 1000, {}}, Processed{77, 5}, Send{77, nullptr}});
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(client.send(1, Bytes{1}).ok());
  CHECK(client.wait_received(1, 1));
}

TEST_CASE("only the subprotocol of Sotto is spoken") {
  const Certificates certificates;
  TestServer server(certificates);
  SECTION("it is accepted, also beside others") {
    for (const std::string protocols : {"sotto.v1", "chat, sotto.v1", "sotto.v9,sotto.v1"}) {
      RawClient client(server.port());
      const std::string head = client.upgrade(protocols);
      CAPTURE(protocols, head);
      CHECK(head.starts_with("HTTP/1.1 101"));
      CHECK(head.find("Sec-WebSocket-Protocol: sotto.v1\r\n") != std::string::npos);
    }
  }
  SECTION("others are refused, and so is none") {
    for (const std::string protocols : {"chat", "sotto.v2", "sotto.v1.jso", "none", "sotto.v", ""}) {
      RawClient client(server.port());
      CAPTURE(protocols);
      CHECK(client.upgrade(protocols).find(" 101 ") == std::string::npos);
    }
    CHECK(server.state.with([](ServerState& s) { return s.opened.size(); }) == 0);
  }
  SECTION("plain HTTP is refused") {
    RawClient client(server.port());
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(client.read().find("200") == std::string::npos);
  }
}

TEST_CASE("broken frames end their connection with the right code, and no other") {
  const Certificates certificates;
  ServerConfig config;
  config.close_timeout = std::chrono::milliseconds(500);
  TestServer server(certificates, TestServer::Mode::echo, config);
  TestClient other;
  REQUIRE(other.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(other.wait_open(1));
  {
    RawClient client(server.port());
    REQUIRE(client.upgrade("sotto.v1").find(" 101 ") != std::string::npos);
    SECTION("text") {
      client.write(RawClient::frame(0x81, "hello"));
      CHECK(client.read_close() == close_code::unsupported_data);
    }
    SECTION("a frame that announces too much, of which nothing comes") {
      std::string head = RawClient::frame(0x82, std::string(max_message_bytes + 1, 'x'));
      client.write(head.substr(0, 15));
      CHECK(client.read_close() == close_code::too_big);
    }
    SECTION("a message of fragments that grows too large") {
      client.write(RawClient::frame(0x02, std::string(100'000, 'x')));
      client.write(RawClient::frame(0x00, std::string(100'000, 'x')));
      client.write(RawClient::frame(0x00, std::string(100'000, 'x')));
      CHECK(client.read_close() == close_code::too_big);
    }
    SECTION("an unknown opcode") {
      client.write(RawClient::frame(0x83, "x"));
      CHECK(client.read_close() == close_code::protocol_error);
    }
    SECTION("a Close in the middle of a fragmented message") {
      client.write(RawClient::frame(0x02, "begun"));
      client.write(RawClient::frame(0x88, std::string("\x03\xe8", 2)));
      CHECK(client.read_close() == close_code::normal);
    }
    SECTION("noise") {
      client.write(to_string(pattern(5000)));
      CHECK(client.read_close() == close_code::protocol_error);
    }
    SECTION("a client that does not answer the Close frame") {
      client.write(RawClient::frame(0x81, "hello"));
      client.read();  // until the server cuts
    }
  }
  REQUIRE(server.state.wait([](ServerState& s) { return s.closed == 1; }));
  REQUIRE(other.send(1, Bytes(1000)).ok());
  CHECK(other.wait_received(1, 1000));
}

TEST_CASE("fragments are one message, also with a ping between them") {
  const Certificates certificates;
  TestServer server(certificates);
  RawClient client(server.port());
  REQUIRE(client.upgrade("sotto.v1").find(" 101 ") != std::string::npos);
  client.write(RawClient::frame(0x02, std::string(700, 'a')));
  client.write(RawClient::frame(0x89, "ping"));
  client.write(RawClient::frame(0x00, std::string(10, 'b')));
  client.write(RawClient::frame(0x80, "c"));
  REQUIRE(server.state.wait([](ServerState& s) { return s.messages == 1; }));
  const Bytes received = server.state.with([](ServerState& s) { return s.received.begin()->second; });
  CHECK(to_string(received) == std::string(700, 'a') + std::string(10, 'b') + "c");
  CHECK(client.read(6) == std::string("\x8a\x04ping", 6));
}

TEST_CASE("who does not finish the handshake is cut, whatever trickles in") {
  const Certificates certificates;
  ServerConfig config;
  config.handshake_timeout = std::chrono::milliseconds(300);
  config.max_handshakes = 3;
  TestServer server(certificates, TestServer::Mode::echo, config);
  RawClient silent(server.port(), RawClient::Layer::tcp);
  RawClient no_tls(server.port(), RawClient::Layer::tcp);
  no_tls.write("GET / HTTP/1.1\r\n");
  RawClient half(server.port());
  half.write("GET / HTTP/1.1\r\nHost: x\r\n");
  CHECK(silent.read().empty());
  no_tls.read();
  CHECK(half.read().empty());
  // The places are free again.
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  CHECK(client.wait_open(1));
  CHECK(server.state.with([](ServerState& s) { return s.opened.size(); }) == 1);
}

TEST_CASE("a certificate is replaced for new connections; old ones live on") {
  const Certificates certificates;
  TestServer server(certificates, TestServer::Mode::echo);
  const auto pinned = [&] {
    Endpoint endpoint = endpoint_of(server.port(), certificates);
    endpoint.trust = {TrustRoots::pins_only, {}, {spki_hash_of_file(certificates.certificate).value()}};
    return endpoint;
  };
  const Endpoint before = pinned();
  TestClient client;
  REQUIRE(client.connect(1, before).ok());
  REQUIRE(client.wait_open(1));

  certificates.make();
  const Endpoint after = pinned();
  REQUIRE(server.server().reload_certificate().ok());
  REQUIRE(client.connect(2, after).ok());
  CHECK(client.wait_open(2));
  REQUIRE(client.connect(3, before).ok());
  CHECK(client.wait_closed(3).error.code == ErrorCode::TLS_FAILED);
  REQUIRE(client.send(1, Bytes{1}).ok());
  CHECK(client.wait_received(1, 1));

  std::ofstream(certificates.key) << "broken";
  CHECK(server.server().reload_certificate().code() == ErrorCode::TLS_FAILED);
  REQUIRE(client.connect(4, after).ok());
  CHECK(client.wait_open(4));
}
