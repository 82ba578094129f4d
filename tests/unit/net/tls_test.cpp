// Whom a client believes to be the relay.
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "unit/net/raw_client.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

namespace {

std::string content_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

/// Connects and tells the outcome: nothing if it opened.
std::optional<ErrorCode> outcome(const Endpoint& endpoint) {
  TestClient client;
  REQUIRE(client.connect(1, endpoint).ok());
  REQUIRE(client.state.wait([](ClientState& s) { return s.open.contains(1) || s.closed.contains(1); }));
  return client.state.with([](ClientState& s) -> std::optional<ErrorCode> {
    if (s.open.contains(1)) return std::nullopt;
    UNSCOPED_INFO(s.closed[1].front().error.message);
    return s.closed[1].front().error.code;
  });
}

}  // namespace

TEST_CASE("the certificate must come from the given CAs") {
  const Certificates certificates;
  const Certificates others;
  TestServer server(certificates);
  Endpoint endpoint = endpoint_of(server.port(), certificates);
  CHECK(outcome(endpoint) == std::nullopt);

  endpoint.trust = {TrustRoots::pem, content_of(certificates.certificate), {}};
  CHECK(outcome(endpoint) == std::nullopt);
  endpoint.trust.ca = content_of(others.certificate) + content_of(certificates.certificate);
  CHECK(outcome(endpoint) == std::nullopt);

  endpoint.trust = {TrustRoots::file, others.certificate, {}};
  CHECK(outcome(endpoint) == ErrorCode::TLS_FAILED);
  endpoint.trust = {TrustRoots::pem, content_of(others.certificate), {}};
  CHECK(outcome(endpoint) == ErrorCode::TLS_FAILED);
  endpoint.trust = {TrustRoots::system, {}, {}};
  CHECK(outcome(endpoint) == ErrorCode::TLS_FAILED);
  CHECK(server.state.with([](ServerState& s) { return s.opened.size(); }) == 3);
}

TEST_CASE("the certificate must be for the host that was meant") {
  const TempDir dir;
  const std::string certificate = dir.file("cert.pem");
  const std::string key = dir.file("key.pem");
  REQUIRE(make_self_signed_certificate(certificate, key, {"relay.example", "192.0.2.7", "*.wild.example"}).ok());
  const auto endpoint = [&](std::uint16_t port, const std::string& host) {
    Endpoint out;
    out.host = host;
    out.port = port;
    out.trust = {TrustRoots::file, certificate, {}};
    return out;
  };
  struct Handler final : ServerHandler {
    void on_events(std::vector<ServerEvent>&& /*events*/) override {}
  } handler;
  ServerConfig config;
  config.certificate_path = certificate;
  config.key_path = key;

  const auto on_v4 = Server::start(config, handler).value();
  CHECK(outcome(endpoint(on_v4->port(), "127.0.0.1")) == std::nullopt);
  CHECK(outcome(endpoint(on_v4->port(), "localhost")) == std::nullopt);
  CHECK(outcome(endpoint(on_v4->port(), "127.0.0.2")) != std::nullopt);

  config.bind_address = "127.0.0.2";  // an address that the certificate does not name
  const auto elsewhere = Server::start(config, handler).value();
  CHECK(outcome(endpoint(elsewhere->port(), "127.0.0.2")) == ErrorCode::TLS_FAILED);

  config.bind_address = "::1";
  if (const auto on_v6 = Server::start(config, handler); on_v6.ok()) {
    CHECK(outcome(endpoint((*on_v6)->port(), "::1")) == std::nullopt);
  } else {
    WARN("no IPv6 here");
  }
}

TEST_CASE("an address that the certificate does not name is refused also over IPv6") {
  const Certificates certificates;
  struct Handler final : ServerHandler {
    void on_events(std::vector<ServerEvent>&& /*events*/) override {}
  } handler;
  ServerConfig config;
  config.bind_address = "::";
  config.certificate_path = certificates.certificate;
  config.key_path = certificates.key;
  const auto server = Server::start(config, handler);
  if (!server.ok()) {
    WARN("no IPv6 here");
    return;
  }
  CHECK(outcome(endpoint_of((*server)->port(), certificates)) == std::nullopt);
  CHECK(outcome(endpoint_of((*server)->port(), certificates, "::ffff:127.0.0.2")) == ErrorCode::TLS_FAILED);
}

TEST_CASE("a pin is required where there is one") {
  const Certificates certificates;
  const Certificates others;
  TestServer server(certificates);
  const SpkiHash right = spki_hash_of_file(certificates.certificate).value();
  const SpkiHash wrong = spki_hash_of_file(others.certificate).value();
  REQUIRE(right != wrong);
  Endpoint endpoint = endpoint_of(server.port(), certificates);

  SECTION("besides the CA") {
    endpoint.trust.pins = {right};
    CHECK(outcome(endpoint) == std::nullopt);
    endpoint.trust.pins = {wrong, right};
    CHECK(outcome(endpoint) == std::nullopt);
    endpoint.trust.pins = {wrong};
    CHECK(outcome(endpoint) == ErrorCode::TLS_FAILED);
    endpoint.trust = {TrustRoots::file, others.certificate, {right}};
    CHECK(outcome(endpoint) == ErrorCode::TLS_FAILED);
  }
  SECTION("instead of a CA, whatever name the server has") {
    endpoint.trust = {TrustRoots::pins_only, {}, {right}};
    CHECK(outcome(endpoint) == std::nullopt);
    endpoint.trust = {TrustRoots::pins_only, {}, {wrong}};
    CHECK(outcome(endpoint) == ErrorCode::TLS_FAILED);
  }
}

TEST_CASE("a server without TLS is none") {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  std::thread server([fd] {
    const int peer = ::accept(fd, nullptr, nullptr);
    const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static_cast<void>(::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL));
    ::shutdown(peer, SHUT_WR);
    char byte = 0;
    while (::recv(peer, &byte, 1, 0) > 0) continue;
    ::close(peer);
  });
  const Certificates certificates;
  CHECK(outcome(endpoint_of(ntohs(address.sin_port), certificates)) == ErrorCode::TLS_FAILED);
  server.join();
  ::close(fd);
}

TEST_CASE("a made certificate comes with a key that only its owner can read") {
  const Certificates certificates;
  struct stat info {};
  REQUIRE(::stat(certificates.key.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);

  ::chmod(certificates.key.c_str(), 0644);
  certificates.make();  // over the old ones
  REQUIRE(::stat(certificates.key.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("a certificate is not made for what is no host name") {
  const TempDir dir;
  for (const std::string name : {"", "a,DNS:evil.example", "with space", "email:a", "a\nb"}) {
    CAPTURE(name);
    CHECK(make_self_signed_certificate(dir.file("c"), dir.file("k"), {name}).code() == ErrorCode::INVALID_ARGUMENT);
  }
  CHECK(make_self_signed_certificate(dir.file("no/c"), dir.file("no/k"), {}).code() == ErrorCode::IO_ERROR);
  CHECK(spki_hash_of_file(dir.file("missing")).code() == ErrorCode::TLS_FAILED);
}
