// A client with a server that is no relay, or a bad one.
#include "unit/net/raw_server.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

namespace {

/// How a connection to a server that does `serve` ends.
CloseInfo end_with(const RawServer::Serve& serve) {
  const Certificates certificates;
  RawServer server(certificates, serve);
  TestClient client;
  REQUIRE(client.connect(1, endpoint_of(server.port(), certificates)).ok());
  const CloseInfo info = client.wait_closed(1);
  client.stop();
  CHECK(client.state.with([](ClientState& s) { return s.closed[1].size(); }) == 1);
  CHECK(client.received(1).empty());
  return info;
}

/// How an open connection ends on which the server writes `bytes`.
CloseInfo end_after(const std::string& bytes) {
  return end_with([bytes](SSL* ssl, const std::string& key) {
    RawServer::write(ssl, RawServer::accepted(key, "sotto.v1") + bytes);
    RawServer::read_all(ssl);
  });
}

}  // namespace

TEST_CASE("a server that does not choose our subprotocol is no relay") {
  for (const std::string protocol : {"", "chat", "sotto.v2", "sotto.v1x"}) {
    CAPTURE(protocol);
    const CloseInfo info = end_with([protocol](SSL* ssl, const std::string& key) {
      RawServer::write(ssl, RawServer::accepted(key, protocol));
      RawServer::read_all(ssl);
    });
    CHECK(info.error.code == ErrorCode::PROTOCOL_ERROR);
  }
}

TEST_CASE("a server that does not know the WebSocket handshake is no relay") {
  const CloseInfo info = end_with([](SSL* ssl, const std::string& /*key*/) {
    RawServer::write(ssl, RawServer::accepted("another key", "sotto.v1"));
    RawServer::read_all(ssl);
  });
  CHECK(info.error.code == ErrorCode::PROTOCOL_ERROR);
}

TEST_CASE("a status instead of an upgrade means: later") {
  for (const std::string status : {"503 Service Unavailable", "404 Not Found", "302 Found\r\nLocation: /x"}) {
    CAPTURE(status);
    const CloseInfo info = end_with([status](SSL* ssl, const std::string& /*key*/) {
      RawServer::write(ssl, "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n");
      RawServer::read_all(ssl);
    });
    CHECK(info.error.code == ErrorCode::UNAVAILABLE);
    CHECK(info.error.retryable);
  }
}

TEST_CASE("a server that hangs up instead of answering is unavailable") {
  CHECK(end_with([](SSL*, const std::string&) {}).error.code == ErrorCode::UNAVAILABLE);
}

TEST_CASE("an open connection that breaks ends with 1006") {
  const CloseInfo info =
      end_with([](SSL* ssl, const std::string& key) { RawServer::write(ssl, RawServer::accepted(key, "sotto.v1")); });
  CHECK(info.code == close_code::abnormal);
  CHECK(info.error.code == ErrorCode::UNAVAILABLE);
}

TEST_CASE("a text message of the server ends the connection") {
  const CloseInfo info = end_after("\x81\x02hi");
  CHECK(info.code == close_code::unsupported_data);
  CHECK(info.error.code == ErrorCode::PROTOCOL_ERROR);
}

TEST_CASE("a frame that announces too much ends the connection before it has come") {
  std::string frame("\x82\x7f\x00\x00\x7f\xff\xff\xff\xff\xff", 10);
  frame.append(20'000, 'x');
  const CloseInfo info = end_after(frame);
  CHECK(info.code == close_code::too_big);
  CHECK(info.error.code == ErrorCode::PROTOCOL_ERROR);
}

TEST_CASE("noise of the server ends the connection") {
  CHECK(end_after("\xff\xff\xff\xff noise").error.code != ErrorCode::CLOSED);
}

TEST_CASE("a close reason is made printable") {
  const CloseInfo info = end_after(std::string("\x88\x08\x0f\xa0ok\x1b[2\xff", 10));
  CHECK(info.code == 4000);
  CHECK(info.reason == "ok?[2?");
  CHECK(info.error.code == ErrorCode::UNAVAILABLE);
}
