// The relay whole: over wss, with a raw client that speaks the protocol.
#include "sotto/relay.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "crypto/init.h"
#include "crypto/sign.h"
#include "net/client_loop.h"
#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/identity.h"

namespace sotto::relay::test {

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-relay-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path;
};

/// One connection, for a test that waits for each answer.
class RawClient final : public net::ClientHandler {
 public:
  explicit RawClient(const Relay& relay) {
    auto endpoint = net::parse_endpoint("wss://127.0.0.1:" + std::to_string(relay.port()));
    REQUIRE(endpoint.ok());
    endpoint_ = *endpoint;
    endpoint_.trust.roots = net::TrustRoots::file;
    endpoint_.trust.ca = relay.certificate_path();
    auto loop = net::ClientLoop::create(*this);
    REQUIRE(loop.ok());
    loop_ = std::move(*loop);
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~RawClient() override {
    loop_->stop();
    thread_.join();
  }

  /// The next envelope that fits; fails after a generous time.
  template <typename Fits>
  wire::Envelope await(Fits fits) {
    std::unique_lock lock(mutex_);
    wire::Envelope found;
    const bool got = wake_.wait_for(lock, std::chrono::seconds(30), [&] {
      if (broken_) return true;
      const auto it = std::ranges::find_if(received_, fits);
      if (it == received_.end()) return false;
      found = *it;
      received_.erase(it);
      return true;
    });
    REQUIRE_FALSE(broken_);
    REQUIRE(got);
    return found;
  }
  wire::Response ask(const wire::Request& request) {
    wire::Envelope envelope;
    envelope.set_id(++last_id_);
    *envelope.mutable_request() = request;
    {
      const std::lock_guard lock(mutex_);
      to_send_.push_back(wire::encode(envelope));
    }
    loop_->wake();
    return await([&](const auto& e) { return e.has_response() && e.id() == last_id_; }).response();
  }
  net::CloseInfo await_close() {
    std::unique_lock lock(mutex_);
    REQUIRE(wake_.wait_for(lock, std::chrono::seconds(30), [&] { return closed_.has_value(); }));
    return *closed_;
  }

  void on_wake() override {
    const std::lock_guard lock(mutex_);
    if (!connected_) {
      connected_ = true;
      broken_ = !loop_->connect(1, endpoint_).ok();
    }
    for (auto& bytes : std::exchange(to_send_, {})) broken_ = !loop_->send(1, std::move(bytes)).ok() || broken_;
  }
  void on_timer() override {}
  void on_open(net::ConnectionId) override {}
  void on_message(net::ConnectionId, Bytes message) override {
    auto envelopes = wire::decode_frame(message);
    const std::lock_guard lock(mutex_);
    if (envelopes.ok()) std::ranges::move(*envelopes, std::back_inserter(received_));
    wake_.notify_all();
  }
  void on_close(net::ConnectionId, net::CloseInfo info) override {
    const std::lock_guard lock(mutex_);
    closed_ = std::move(info);
    wake_.notify_all();
  }

 private:
  net::Endpoint endpoint_;
  std::unique_ptr<net::ClientLoop> loop_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<wire::Envelope> received_;
  std::vector<Bytes> to_send_;
  std::optional<net::CloseInfo> closed_;
  bool connected_ = false;
  /// The loop refused something; assertions belong to the test's thread.
  bool broken_ = false;
  std::uint64_t last_id_ = 0;
};

wire::Request sign_in(const Person& person, ByteView nonce, std::uint64_t session) {
  wire::Request request;
  auto& authenticate = *request.mutable_authenticate();
  authenticate.set_user_id(to_string_bytes(person.id));
  authenticate.set_device_id(to_string_bytes(person.phones[0].id));
  authenticate.set_session(session);
  const auto statement = wire::authentication_statement(nonce, authenticate);
  authenticate.set_signature(wire::field(crypto::sign(person.phones[0].key.private_key, statement).view()));
  return request;
}

Person make_person(Random& random) {
  Person person;
  person.identity = crypto::generate_signature_key(random);
  person.id = wire::user_id_of(person.identity.public_key);
  person.phones.push_back({random_id<DeviceId>(random), crypto::generate_signature_key(random), 1, 0, 0});
  return person;
}

Bytes challenge(RawClient& client) {
  const auto envelope = client.await([](const auto& e) { return e.push().has_challenge(); });
  return to_bytes(wire::view(envelope.push().challenge().nonce()));
}

}  // namespace

TEST_CASE("over wss: challenge, register, authenticate, heads, a good-bye, and all is there after a restart") {
  REQUIRE(crypto::initialize().ok());
  TemporaryFolder folder;
  RelayConfig config;
  config.data_dir = folder.path + "/data";
  SeededRandom random(5);
  auto person = make_person(random);
  {
    auto relay = Relay::start(config);
    REQUIRE(relay.ok());
    CHECK((*relay)->port() != 0);
    CHECK((*relay)->url() == "wss://localhost:" + std::to_string((*relay)->port()));
    RawClient client(**relay);
    const auto nonce = challenge(client);
    wire::Request request;
    request.mutable_register_()->set_handle("alice");
    *request.mutable_register_()->mutable_device_list() = person.next_list();
    request.mutable_register_()->set_signature(
        wire::field(crypto::sign(person.identity.private_key, wire::registration_statement(nonce, "alice")).view()));
    REQUIRE(success(client.ask(request)));
    REQUIRE(success(client.ask(sign_in(person, nonce, 1))));
    const auto heads = client.await([](const auto& e) { return e.push().has_heads(); });
    CHECK(heads.push().heads().last());
    (*relay)->stop();
    client.await([](const auto& e) { return e.push().has_going_away(); });
    CHECK(client.await_close().code == net::close_code::going_away);
    (*relay)->stop();
  }
  auto relay = Relay::start(config);
  REQUIRE(relay.ok());
  RawClient client(**relay);
  CHECK(status(client.ask(sign_in(person, challenge(client), 1))) == ErrorCode::ROLLED_BACK);
  RawClient again(**relay);
  CHECK(success(again.ask(sign_in(person, challenge(again), 2))));
}

TEST_CASE("a relay that cannot start says why") {
  TemporaryFolder folder;
  RelayConfig config;
  config.data_dir = folder.path + "/data";
  auto first = Relay::start(config);
  REQUIRE(first.ok());
  CHECK(Relay::start(config).code() == ErrorCode::IN_USE);
  RelayConfig other;
  other.data_dir = folder.path + "/other";
  other.port = (*first)->port();
  CHECK(Relay::start(other).code() == ErrorCode::ADDRESS_IN_USE);
  other.port = 0;
  other.certificate_file = folder.path + "/none.pem";
  CHECK(Relay::start(other).code() == ErrorCode::INVALID_ARGUMENT);
  other.private_key_file = folder.path + "/none.pem";
  CHECK(Relay::start(other).code() == ErrorCode::TLS_FAILED);
  CHECK(Relay::start({}).code() == ErrorCode::INVALID_ARGUMENT);

  RelayConfig admin;
  admin.data_dir = folder.path + "/admin";
  admin.admin_port = 0;
  admin.admin_address = "0.0.0.0";
  CHECK(Relay::start(admin).code() == ErrorCode::INVALID_ARGUMENT);
  admin.admin_beyond_loopback = true;
  const auto open = Relay::start(admin);
  REQUIRE(open.ok());
  CHECK((*open)->admin_port().value_or(0) != 0);
  CHECK_FALSE((*first)->admin_port().has_value());
}

}  // namespace sotto::relay::test
