// The edge at which text becomes frames, and what the core is told of it.
#include "relay/json_connections.h"

#include <optional>

#include "support/catch.h"
#include "unit/relay/support/relay_world.h"
#include "wire/limits.h"

namespace sotto::relay::test {

namespace {

std::string text_of(const net::ServerAction& action) { return to_string(*std::get<net::Send>(action).bytes); }

Bytes answers(int count) {
  Bytes frame;
  for (int id = 1; id <= count; ++id) {
    wire::Envelope envelope;
    envelope.set_id(static_cast<std::uint64_t>(id));
    envelope.mutable_response()->set_status(204);
    append(frame, wire::encode(envelope));
  }
  return frame;
}

}  // namespace

TEST_CASE("what is no Frame in JSON ends its connection as a malformed frame does, and what stands for too much, too") {
  World world;
  JsonConnections json;
  auto& ann = world.newcomer("ann");
  std::uint16_t code = close_code::protocol_error;
  std::string text;
  SECTION("no JSON") { text = "hello"; }
  SECTION("no Frame") { text = R"({"envelopes":[{"id":-1}]})"; }
  SECTION("no request") { text = R"({"envelopes":[{"push":{}}]})"; }
  SECTION("more than a frame has") {
    text = R"({"envelopes":[{"request":{"uploadAttachment":{"data":")" + std::string(400'000, 'A') + R"("}}}]})";
    code = close_code::too_big;
  }
  world.input(Received{ann.id, json.frame_of(as_bytes(text))});
  world.step();
  REQUIRE(ann.closed);
  CHECK(ann.closed->code == code);
}

TEST_CASE("a request in JSON is the same request") {
  World world;
  JsonConnections json;
  auto& ann = world.newcomer("ann");
  world.input(Received{
      ann.id, json.frame_of(as_bytes(R"({"envelopes":[{"id":"77","request":{"findUser":{"handle":"ann"}}}]})"))});
  world.step();
  CHECK(ann.answer(77).user_found().user_id() == to_string_bytes(ann.person->id));
}

TEST_CASE("what waits on a JSON connection is counted as text, and the core is told") {
  JsonConnections json;
  json.opened(5);
  CHECK(json.contains(5));
  CHECK_FALSE(json.contains(6));
  std::vector<Input> inputs;
  json.tell_queued(inputs);
  CHECK(inputs.empty());

  std::vector<net::ServerAction> actions;
  json.send(Send{5, answers(1)}, actions);
  json.send(Send{5, answers(2)}, actions);
  REQUIRE(actions.size() == 2);
  CHECK(text_of(actions[0]) == R"({"envelopes":[{"id":"1","response":{"status":204}}]})");
  const auto queued = text_of(actions[0]).size() + text_of(actions[1]).size();
  json.tell_queued(inputs);
  REQUIRE(inputs.size() == 1);
  CHECK(std::get<Drained>(inputs[0]).id == 5);
  CHECK(std::get<Drained>(inputs[0]).queued_bytes == queued);
  json.tell_queued(inputs);
  CHECK(inputs.size() == 1);  // once

  json.drained(5, 0);
  json.send(Send{5, answers(1)}, actions);
  json.tell_queued(inputs);
  CHECK(std::get<Drained>(inputs.back()).queued_bytes == text_of(actions[0]).size());

  json.send(Send{5, answers(1)}, actions);
  json.closed(5);
  json.drained(5, 0);
  json.tell_queued(inputs);
  CHECK(inputs.size() == 2);
  CHECK_FALSE(json.contains(5));
}

TEST_CASE("a device that does not read text is not fed beyond the bound, counted in text") {
  World world;
  JsonConnections json;
  const auto id = world.newcomer("ann").id;
  json.opened(id);
  // Refusals grow most: some 9 bytes become some 50.
  std::size_t queued = 0;
  std::optional<std::uint16_t> closed;
  for (std::uint64_t step = 0; step < 1000 && !closed; ++step) {
    Bytes frame;
    for (std::uint64_t i = 1; i <= 100; ++i) {
      wire::Envelope envelope;
      envelope.set_id(step * 100 + i);
      envelope.mutable_request()->mutable_get_chat()->set_chat_id(std::string(15, 'x'));
      append(frame, wire::encode(envelope));
    }
    std::vector<Input> inputs;
    json.tell_queued(inputs);
    inputs.emplace_back(Received{id, frame});
    std::vector<net::ServerAction> actions;
    for (const auto& output : world.core->step(Timestamp(std::chrono::milliseconds(world.now_ms)), inputs).actions) {
      if (const auto* send = std::get_if<Send>(&output)) json.send(*send, actions);
      if (const auto* close = std::get_if<Close>(&output)) closed = close->code;
    }
    for (const auto& action : actions) queued += text_of(action).size();
  }
  // It is no longer listened to, and as it goes on asking, it is closed.
  CHECK(closed == close_code::policy_violation);
  CHECK(queued > world.config.congested_bytes);
  CHECK(queued < world.config.congested_bytes + 64 * 1024);
}

}  // namespace sotto::relay::test
