#include "net/endpoint.h"

#include "support/catch.h"

using namespace sotto;
using namespace sotto::net;

TEST_CASE("an endpoint is read from a wss URL") {
  const auto simple = parse_endpoint("wss://relay.example").value();
  CHECK(simple.host == "relay.example");
  CHECK(simple.port == 443);
  CHECK(simple.path == "/");

  const auto full = parse_endpoint("wss://relay.example:8443/sotto/v1?x=1").value();
  CHECK(full.host == "relay.example");
  CHECK(full.port == 8443);
  CHECK(full.path == "/sotto/v1?x=1");

  CHECK(parse_endpoint("wss://127.0.0.1:1").value().host == "127.0.0.1");
  const auto v6 = parse_endpoint("wss://[2001:db8::1]:444/").value();
  CHECK(v6.host == "2001:db8::1");
  CHECK(v6.port == 444);
}

TEST_CASE("what is no wss URL is refused, and so is a connection without TLS") {
  for (const std::string url : {"",
                                "relay.example",
                                "ws://relay.example",
                                "https://relay.example",
                                "wss://",
                                "wss://:443",
                                "wss:///path",
                                "wss://host:",
                                "wss://host:0",
                                "wss://host:65536",
                                "wss://host:4x",
                                "wss://host:-1",
                                "wss://[::1",
                                "wss://[::1]x",
                                "wss://[evil.example]",
                                "wss://[]",
                                "wss://user@host",
                                "wss://ho st",
                                "wss://host/a b",
                                "wss://host/\r\nX: y",
                                "wss://fe80::1"}) {
    CAPTURE(url);
    CHECK(parse_endpoint(url).code() == ErrorCode::INVALID_ARGUMENT);
  }
  CHECK_FALSE(parse_endpoint(std::string("wss://h\0st", 10)).ok());
  CHECK_FALSE(parse_endpoint("wss://" + std::string(200, 'a')).ok());
  CHECK_FALSE(parse_endpoint("wss://a/" + std::string(2000, 'a')).ok());
}
