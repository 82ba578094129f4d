// An engine over a store in memory, with the relay's end of its line in the hands of the test.
#pragma once

#include "client/engine.h"
#include "client/schema.h"
#include "unit/client/members.h"

namespace sotto::test {

class Line {
 public:
  explicit Line(std::uint64_t seed = 7) : random(seed) {
    must(crypto::initialize());
    db = must(client::open_store(":memory:"));
    start();
  }
  /// The process dies and starts again.
  void start(bool connect_at_open = true) {
    engine.reset();
    engine = must(client::Engine::open(
        *db, random, log, [this](const Event& event) { events.push_back(event); }, connect_at_open));
  }

  template <typename... Inputs>
  void step(Inputs&&... inputs) {
    std::vector<client::Input> all;
    (all.emplace_back(std::forward<Inputs>(inputs)), ...);
    take(engine->step(now, all));
  }
  void step_after(std::chrono::milliseconds time) {
    now += time;
    step(client::TimerDue{});
  }
  void take(client::Outputs out) {
    network = out.network;
    timer = out.next_timer;
    sent.clear();
    for (const auto& frame : out.frames) {
      for (auto& envelope : must(wire::decode_frame(frame))) sent.push_back(std::move(envelope));
    }
    farewell = must(wire::decode_frame(out.farewell));
    for (const auto& callback : out.callbacks) callback();
  }

  // ---- What the relay says

  static client::FrameReceived frame(const wire::Envelope& envelope) { return {wire::encode(envelope)}; }
  static client::FrameReceived push(const std::function<void(wire::Push&)>& fill) {
    wire::Envelope envelope;
    fill(*envelope.mutable_push());
    return frame(envelope);
  }
  static client::FrameReceived challenge(std::size_t size = 32) {
    return push([&](wire::Push& p) { p.mutable_challenge()->set_nonce(std::string(size, 'n')); });
  }
  static client::FrameReceived answer(std::uint64_t id, const std::function<void(wire::Response&)>& fill) {
    wire::Envelope envelope;
    envelope.set_id(id);
    fill(*envelope.mutable_response());
    return frame(envelope);
  }
  static client::FrameReceived refusal(std::uint64_t id, ErrorCode code, std::chrono::milliseconds retry_after = {}) {
    return answer(id, [&](wire::Response& response) {
      Error error(code);
      if (retry_after.count() > 0) error.retry_after = retry_after;
      response = wire::refusal(error);
    });
  }
  static client::FrameReceived code_sent(std::uint64_t id) {
    return answer(id, [](wire::Response& response) {
      response.mutable_code_sent()->set_lifetime_ms(600'000);
      response.mutable_code_sent()->set_digits(6);
    });
  }
  static client::FrameReceived heads() {
    return push([](wire::Push& p) { p.mutable_heads()->set_last(true); });
  }

  // ---- Shortcuts

  client::RegisterCommand registration(const std::string& handle) {
    return {handle, [this](Result<UserId> result) { registered.push_back(std::move(result)); }};
  }
  client::RequestCodeCommand code_for(const std::string& handle) {
    return {handle, [this](Result<CodeSent> result) { codes.push_back(std::move(result)); }};
  }
  client::FindUserCommand search(const std::string& handle) {
    return {handle, [this](Result<UserId> result) { found.push_back(std::move(result)); }};
  }
  /// The only request of the last step.
  const wire::Envelope& request() {
    REQUIRE(sent.size() == 1);
    REQUIRE(sent[0].has_request());
    return sent[0];
  }
  std::uint64_t request_id() { return request().id(); }
  /// From offline with a registered account to having been sent `authenticate`.
  void authenticate() {
    REQUIRE(network == client::NetworkAction::connect);
    step(client::Connected{});
    step(challenge());
    REQUIRE(request().request().has_authenticate());
  }
  void accept_authentication(std::uint32_t key_packages = 100) {
    step(answer(request_id(), [&](wire::Response& r) {
      r.mutable_authenticated()->set_incarnation("relay");
      r.mutable_authenticated()->set_key_packages(key_packages);
    }));
  }
  void register_account() {
    step(registration("alice"));
    step(client::Connected{});
    step(challenge());
    step(answer(request_id(), [](wire::Response& r) { r.mutable_registered(); }));
    REQUIRE(request().request().has_authenticate());
  }
  void answer_publishing() {
    REQUIRE(request().request().has_publish_key_packages());
    step(answer(request_id(), [](wire::Response& r) { r.mutable_key_packages_published(); }));
  }
  void answer_to_publishing(ErrorCode code) {
    REQUIRE(request().request().has_publish_key_packages());
    step(refusal(request_id(), code));
  }
  void go_online() {
    register_account();
    accept_authentication();
    answer_publishing();
    step(heads());
    REQUIRE(state() == ConnectionState::online);
  }
  [[nodiscard]] ConnectionState state() const {
    auto out = ConnectionState::offline;
    for (const auto& event : events) {
      if (const auto* changed = std::get_if<ConnectionChanged>(&event)) out = changed->state;
    }
    return out;
  }
  /// Why it went offline the last time.
  [[nodiscard]] std::optional<ErrorCode> problem() const {
    std::optional<ErrorCode> out;
    for (const auto& event : events) {
      const auto* changed = std::get_if<ConnectionChanged>(&event);
      if (changed != nullptr && changed->problem) out = changed->problem->code;
    }
    return out;
  }
  std::optional<client::AccountRow> account() { return must(client::AccountTable(*db).load()); }

  SeededRandom random;
  Logger log;
  Timestamp now = noon;
  std::unique_ptr<store::Database> db;
  std::unique_ptr<client::Engine> engine;

  // Of the last step.
  client::NetworkAction network = client::NetworkAction::none;
  std::optional<Timestamp> timer;
  std::vector<wire::Envelope> sent;
  std::vector<wire::Envelope> farewell;

  std::vector<Event> events;
  std::vector<Result<UserId>> registered;
  std::vector<Result<UserId>> found;
  std::vector<Result<CodeSent>> codes;
};

}  // namespace sotto::test
