// Connections that speak text, and peers that take their time with a message.
#include <fstream>

#include "unit/net/raw_client.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

namespace {

constexpr int text = 0x81;
constexpr int binary = 0x82;

bool upgraded(RawClient& client, const std::string& offered, const std::string& chosen) {
  const std::string head = client.upgrade(offered);
  CAPTURE(offered, head);
  return head.starts_with("HTTP/1.1 101") &&
         head.find("Sec-WebSocket-Protocol: " + chosen + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a connection speaks the subprotocol that it asked for, of both the one that it names first") {
  const Certificates certificates;
  TestServer server(certificates);
  for (const auto& [offered, chosen] : {std::pair("sotto.v1.json", "sotto.v1.json"),
                                        {"sotto.v1, sotto.v1.json", "sotto.v1"},
                                        {"sotto.v1.json, sotto.v1", "sotto.v1.json"},
                                        {"x, sotto.v1,sotto.v1.json", "sotto.v1"}}) {
    RawClient client(server.port());
    CHECK(upgraded(client, offered, chosen));
  }
  CHECK(server.nth(3) != 0);
  const auto encodings = server.state.with([](ServerState& s) { return s.encodings; });
  CHECK(encodings == std::vector{Encoding::json, Encoding::binary, Encoding::json, Encoding::binary});
}

TEST_CASE("text messages come and go whole, and are never joined") {
  const Certificates certificates;
  TestServer server(certificates, TestServer::Mode::record);
  RawClient client(server.port());
  REQUIRE(upgraded(client, "sotto.v1.json", "sotto.v1.json"));
  client.write(RawClient::frame(0x01, "{\"caf\xc3"));  // cut in the middle of a character
  client.write(RawClient::frame(0x80, "\xa9\":1}"));
  REQUIRE(server.state.wait([](ServerState& s) { return s.messages == 1; }));
  CHECK(to_string(server.state.with([](ServerState& s) { return s.received.begin()->second; })) ==
        "{\"caf\xc3\xa9\":1}");

  const auto id = server.nth(0);
  const auto message = [](std::string_view what) { return std::make_shared<const Bytes>(to_bytes(as_bytes(what))); };
  server.server().submit({Send{id, message("{}")}, Send{id, message("{\"a\":1}")}, Send{id, message("{\"b\":2}")}});
  CHECK(client.read(22) == std::string("\x81\x02{}\x81\x07{\"a\":1}\x81\x07{\"b\":2}"));
}

TEST_CASE("a JSON connection is ended by what is no text, no UTF-8, or too large") {
  const Certificates certificates;
  TestServer server(certificates);
  RawClient client(server.port());
  REQUIRE(upgraded(client, "sotto.v1.json", "sotto.v1.json"));
  SECTION("binary") {
    client.write(RawClient::frame(binary, "{}"));
    CHECK(client.read_close() == close_code::unsupported_data);
  }
  SECTION("no UTF-8") {
    client.write(RawClient::frame(text, "{\"a\":\"\xff\"}"));
    CHECK(client.read_close() == close_code::invalid_payload);
  }
  SECTION("a character that is cut off") {
    client.write(RawClient::frame(text, "{}\xc3"));
    CHECK(client.read_close() == close_code::invalid_payload);
  }
  SECTION("too large") {
    client.write(RawClient::frame(text, std::string(max_text_bytes + 1, ' ')).substr(0, 20));
    CHECK(client.read_close() == close_code::too_big);
  }
  CHECK(server.state.with([](ServerState& s) { return s.messages; }) == 0);
}

TEST_CASE("a text may be as large as a frame in base64") {
  const Certificates certificates;
  TestServer server(certificates);
  RawClient client(server.port());
  REQUIRE(upgraded(client, "sotto.v1.json", "sotto.v1.json"));
  client.write(RawClient::frame(text, std::string(max_text_bytes, ' ')));
  CHECK(server.state.wait([](ServerState& s) { return s.message_sizes == std::vector{max_text_bytes}; }));
}

TEST_CASE("who does not finish a message is dropped, whatever trickles in, and nobody else is") {
  const Certificates certificates;
  ServerConfig config;
  config.message_timeout = std::chrono::milliseconds(1500);
  TestServer server(certificates, TestServer::Mode::echo, config);
  TestClient other;
  REQUIRE(other.connect(1, endpoint_of(server.port(), certificates)).ok());
  REQUIRE(other.wait_open(1));
  RawClient client(server.port());
  REQUIRE(upgraded(client, "sotto.v1", "sotto.v1"));
  std::string trickle = RawClient::frame(binary, std::string(100'000, 'x')).substr(0, 20);
  SECTION("one frame, byte by byte") {}
  SECTION("a message of empty fragments") { trickle = RawClient::frame(0x02, "") + RawClient::frame(0x00, ""); }
  SECTION("with pings in between") { trickle = RawClient::frame(0x02, "begun") + RawClient::frame(0x89, "ping"); }
  std::thread writer([&] {
    client.write(trickle.substr(0, trickle.size() - 6));
    for (const char byte : trickle.substr(trickle.size() - 6)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      client.write(std::string(1, byte));
    }
  });
  writer.join();
  CHECK(client.read().find(std::string("\x88\x0a\x03\xf0too slow")) != std::string::npos);
  REQUIRE(server.state.wait([](ServerState& s) { return s.closed == 1; }));
  REQUIRE(other.send(1, Bytes(10)).ok());
  CHECK(other.wait_received(1, 10));
}
