// The webhook against a real HTTP server on loopback, with all that a gateway may do wrong.
#include "net/webhook.h"

#include "unit/net/http_server.h"
#include "unit/net/raw_server.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

struct Told {
  std::vector<WebhookOutcome> outcomes;
  std::string log;
};

/// A webhook and all that it tells.
struct Hook {
  explicit Hook(WebhookConfig config) {
    config.name = "test";
    const Logger log(
        [this](LogLevel, std::string_view line) {
          told.with([&](Told& t) {
            t.log += line;
            t.log += '\n';
          });
        },
        LogLevel::debug, {});
    auto started = Webhook::start(std::move(config), random, log, [this](const WebhookOutcome& outcome) {
      told.with([&](Told& t) { t.outcomes.push_back(outcome); });
    });
    if (!started.ok()) FAIL(started.error().message);
    webhook = std::move(*started);
  }
  ~Hook() { webhook->stop(0ms); }
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;

  Status post(const std::string& json, const std::string& key) const { return webhook->post(to_bytes(json), key); }
  std::vector<WebhookOutcome> wait(std::size_t count) {
    if (!told.wait([=](Told& t) { return t.outcomes.size() >= count; })) FAIL("no outcome");
    return told.with([](Told& t) { return t.outcomes; });
  }
  WebhookOutcome one() { return wait(1).front(); }
  std::string log() {
    return told.with([](Told& t) { return t.log; });
  }

  Watched<Told> told;
  SystemRandom random;
  std::unique_ptr<Webhook> webhook;
};

WebhookConfig quick(const std::string& url) {
  WebhookConfig config;
  config.url = url;
  config.first_backoff = 1ms;
  config.most_backoff = 5ms;
  config.deadline = 60s;
  return config;
}

std::optional<ErrorCode> code_of(WebhookConfig config) {
  SystemRandom random;
  const auto started = Webhook::start(std::move(config), random, {});
  return started.code();
}

/// A port where nobody listens.
std::uint16_t closed_port() {
  return HttpServer([](HttpServer&, int, const HttpRequest&, std::size_t) { return false; }).port();
}

}  // namespace

TEST_CASE("a webhook posts JSON with the token, and keeps its connection") {
  HttpServer server([](HttpServer&, int fd, const HttpRequest&, std::size_t) { return HttpServer::good(fd); });
  auto config = quick(server.url());
  config.bearer_token = "a.secret-token";
  config.max_in_flight = 1;
  Hook hook(config);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(hook.post("{\"n\":" + std::to_string(i) + "}", std::to_string(i)).ok());
    CHECK(hook.wait(static_cast<std::size_t>(i) + 1).back().delivered);
  }
  const auto state = server.state.with([](HttpServerState& s) { return std::make_pair(s.requests, s.connections); });
  CHECK(state.second == 1);
  REQUIRE(state.first.size() == 20);
  const auto& head = state.first[7].head;
  CHECK(head.starts_with("POST /hook HTTP/1.1\r\n"));
  CHECK(head.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(head.find("Authorization: Bearer a.secret-token\r\n") != std::string::npos);
  CHECK(head.find("Expect") == std::string::npos);
  CHECK(state.first[7].body == "{\"n\":7}");
  CHECK(hook.webhook->counts().delivered == 20);
  CHECK(hook.log().empty());
}

TEST_CASE("a webhook waits and tries again while the gateway cannot take a request") {
  HttpServer server([](HttpServer&, int fd, const HttpRequest&, std::size_t n) {
    switch (n) {
      case 0:
        return HttpServer::status(fd, "503 Service Unavailable");
      case 1:
        return HttpServer::status(fd, "429 Too Many Requests", "Retry-After: 1\r\n");
      case 2:
        return false;  // hangs up without an answer
      case 3:
        HttpServer::write(fd, "HTTP/1.1 200 OK\r\nContent-Le");
        return false;  // half a head
      case 4:
        HttpServer::write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        return false;  // half a body
      case 5:
        HttpServer::write(fd, "\x16\x03\x01 what is this\r\n\r\n");
        return false;
      default:
        return HttpServer::good(fd);
    }
  });
  Hook hook(quick(server.url()));
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(hook.post("{\"token\":\"a device's\"}", "key").ok());
  const auto outcome = hook.one();
  CHECK(outcome.delivered);
  CHECK(outcome.key == "key");
  CHECK(outcome.status == 200);
  CHECK(std::chrono::steady_clock::now() - begin >= 1s);  // Retry-After is a lower bound
  CHECK(server.bodies() == std::vector<std::string>(7, "{\"token\":\"a device's\"}"));
  CHECK(hook.webhook->counts().retries >= 5);  // libcurl itself begins anew where a kept connection breaks at once
  CHECK(hook.log() == "webhook test: answered with status 503\nwebhook test: takes requests again\n");
}

TEST_CASE("a webhook does not try again what is refused for good, and follows no redirect") {
  for (const std::string status : {"400 Bad Request", "404 Not Found", "410 Gone", "302 Found\r\nLocation: /other"}) {
    CAPTURE(status);
    HttpServer server(
        [&](HttpServer&, int fd, const HttpRequest&, std::size_t) { return HttpServer::status(fd, status); });
    Hook hook(quick(server.url()));
    REQUIRE(hook.post("{}", "key").ok());
    const auto outcome = hook.one();
    CHECK_FALSE(outcome.delivered);
    CHECK(std::to_string(outcome.status) == status.substr(0, 3));
    CHECK(server.bodies().size() == 1);
    CHECK(hook.webhook->counts().failed == 1);
  }
}

TEST_CASE("a webhook takes the status of an answer without end, and no more of it") {
  HttpServer server([](HttpServer&, int fd, const HttpRequest&, std::size_t) {
    HttpServer::write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
    const std::string piece(64 * 1024, 'x');
    while (HttpServer::write(fd, piece)) continue;
    return false;
  });
  Hook hook(quick(server.url()));
  REQUIRE(hook.post("{}", "key").ok());
  CHECK(hook.one().delivered);
}

TEST_CASE("a webhook does not wait for ever for an answer, nor for the deadline's next try") {
  HttpServer server([](HttpServer& self, int, const HttpRequest&, std::size_t) {
    self.hold();
    return false;
  });
  auto config = quick(server.url());
  config.timeout = 50ms;
  config.deadline = 300ms;
  Hook hook(config);
  REQUIRE(hook.post("{}", "key").ok());
  const auto outcome = hook.one();
  CHECK_FALSE(outcome.delivered);
  CHECK(outcome.status == 0);
  CHECK(hook.log().find("no answer: Timeout was reached") != std::string::npos);
}

TEST_CASE("a webhook gives up after the deadline where nobody listens") {
  auto config = quick("http://localhost:" + std::to_string(closed_port()) + "/");
  config.deadline = 100ms;
  Hook hook(config);
  REQUIRE(hook.post("{}", "key").ok());
  CHECK_FALSE(hook.one().delivered);
  CHECK(hook.webhook->counts().retries > 0);
}

TEST_CASE("of one key only the newest text is told, one request at a time") {
  HttpServer server([](HttpServer& self, int fd, const HttpRequest&, std::size_t n) {
    if (n == 0) self.hold();
    return HttpServer::good(fd);
  });
  Hook hook(quick(server.url()));
  REQUIRE(hook.post("1", "key").ok());
  REQUIRE(server.wait_requests(1));
  for (const auto* text : {"2", "3", "4"}) REQUIRE(hook.post(text, "key").ok());
  REQUIRE(hook.post("other", "other key").ok());
  REQUIRE(hook.wait(1).front().key == "other key");
  CHECK(hook.webhook->counts().waiting == 1);
  server.release();
  hook.wait(3);
  CHECK(server.bodies() == std::vector<std::string>{"1", "other", "4"});
  CHECK(hook.webhook->counts().replaced == 2);
}

TEST_CASE("a text that failed makes room for a newer one of its key") {
  HttpServer server([](HttpServer& self, int fd, const HttpRequest&, std::size_t n) {
    if (n != 0) return HttpServer::good(fd);
    self.hold();
    return HttpServer::status(fd, "500 Internal Server Error");
  });
  Hook hook(quick(server.url()));
  REQUIRE(hook.post("old", "key").ok());
  REQUIRE(server.wait_requests(1));
  REQUIRE(hook.post("new", "key").ok());
  server.release();
  CHECK(hook.one().delivered);
  CHECK(server.bodies() == std::vector<std::string>{"old", "new"});
}

TEST_CASE("a webhook's queue and its requests at a time are bounded") {
  HttpServer server([](HttpServer& self, int fd, const HttpRequest&, std::size_t) {
    self.hold();
    return HttpServer::good(fd);
  });
  auto config = quick(server.url());
  config.max_in_flight = 3;
  config.max_waiting = 5;
  Hook hook(config);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(hook.post("{}", std::to_string(i)).ok());
    REQUIRE(server.wait_requests(static_cast<std::size_t>(i) + 1));
  }
  for (int i = 3; i < 8; ++i) CHECK(hook.post("{}", std::to_string(i)).ok());
  CHECK(hook.post("{}", "one more").code() == ErrorCode::LIMIT_EXCEEDED);
  CHECK(hook.post("{}", "7").ok());  // takes the place of what waits
  CHECK(hook.webhook->counts().dropped == 1);
  server.release();
  hook.wait(8);
  CHECK(server.state.with([](HttpServerState& s) { return s.busiest; }) == 3);
}

TEST_CASE("a webhook sends what waits before it stops, and nothing after") {
  HttpServer server([](HttpServer& self, int fd, const HttpRequest&, std::size_t n) {
    if (n == 0) self.hold();
    return HttpServer::good(fd);
  });
  auto config = quick(server.url());
  config.max_in_flight = 1;
  Hook hook(config);
  for (const auto* text : {"1", "2", "3"}) REQUIRE(hook.post(text, text).ok());
  REQUIRE(server.wait_requests(1));
  std::thread stopping([&] { hook.webhook->stop(60s); });
  while (hook.post("late", "late").ok()) std::this_thread::yield();
  CHECK(hook.post("later", "later").code() == ErrorCode::CLOSED);
  server.release();
  stopping.join();
  auto bodies = server.bodies();
  std::erase(bodies, "late");
  CHECK(bodies == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("a webhook ends at the deadline with a request in flight") {
  HttpServer server([](HttpServer& self, int, const HttpRequest&, std::size_t) {
    self.hold();
    return false;
  });
  Hook hook(quick(server.url()));
  REQUIRE(hook.post("{}", "key").ok());
  REQUIRE(server.wait_requests(1));
  hook.webhook->stop(10ms);
  CHECK(hook.told.with([](Told& t) { return t.outcomes.size(); }) == 0);
}

TEST_CASE("a webhook speaks TLS with whom its CAs vouch for, and with nobody else") {
  const Certificates certificates;
  std::string request;
  const auto serve = [&](SSL* ssl, const std::string&) {
    RawServer::write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    request = "served";
  };
  {
    RawServer server(certificates, serve);
    auto config = quick("https://localhost:" + std::to_string(server.port()));
    config.ca_file = certificates.certificate;
    Hook hook(config);
    REQUIRE(hook.post("{}", "key").ok());
    CHECK(hook.one().delivered);
  }
  CHECK(request == "served");
  request.clear();
  {
    RawServer server(certificates, serve);
    auto config = quick("https://localhost:" + std::to_string(server.port()));
    config.timeout = 500ms;
    config.deadline = 50ms;
    Hook hook(config);
    REQUIRE(hook.post("{}", "key").ok());
    CHECK_FALSE(hook.one().delivered);
  }
  CHECK(request.empty());
  auto config = quick("https://localhost/");
  config.ca_file = certificates.key;
  CHECK(code_of(config) == ErrorCode::TLS_FAILED);
}

TEST_CASE("a webhook in the clear goes to this machine only, unless that is allowed") {
  for (const std::string url : {"http://example.com/", "http://10.0.0.1/", "http://127.0.0.1.example.com/",
                                "http://localhost.example.com/", "ftp://localhost/", "file:///etc/passwd", "localhost",
                                "https://", "", "https://user:password@localhost/", "https://local host/"}) {
    CAPTURE(url);
    CHECK(code_of(quick(url)) == ErrorCode::INVALID_ARGUMENT);
  }
  for (const std::string url :
       {"http://localhost:1/", "http://127.0.0.2:1/x", "http://[::1]:1/", "https://example.com/"}) {
    CAPTURE(url);
    CHECK_FALSE(code_of(quick(url)));
  }
  auto config = quick("http://10.0.0.1/");
  config.plain_beyond_loopback = true;
  CHECK_FALSE(code_of(config));
  for (const std::string token : {"a b", "line\r\nX: y", "\x80"}) {
    config.bearer_token = token;
    CHECK(code_of(config) == ErrorCode::INVALID_ARGUMENT);
  }
}
