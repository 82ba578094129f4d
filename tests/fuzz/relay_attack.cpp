#include "relay_attack.h"

#include "crypto/sign.h"
#include "wire/identity.h"

namespace sotto::fuzz {

using namespace relay;
using namespace relay::test;

namespace {

constexpr int most_acts = 48;

}  // namespace

void RelayAttack::run() {
  alice_ = enter(*s_.alice, 0, "192.0.2.1");
  bob_ = enter(*s_.bob, 0, "192.0.2.2");
  hostile_.push_back(enter(*s_.mallory, 0, "192.0.2.66"));
  wires_[hostile_.front()].hostile = true;
  for (int i = 0; i < most_acts && input_.remaining_bytes() > 0; ++i) act();
  step();
  talk_on();
}

ConnectionId RelayAttack::connect(const std::string& address) {
  const auto id = ++last_;
  wires_[id].id = id;
  inputs_.emplace_back(Opened{id, address});
  step();
  auto& wire = wires_[id];
  check(wire.pushes.size() == 1 && wire.pushes.front().has_challenge(), "a challenge comes first");
  wire.nonce = to_bytes(wire::view(wire.pushes.front().challenge().nonce()));
  wire.pushes.clear();
  return id;
}

wire::Request RelayAttack::authentication(const Person& person, std::size_t phone, const RelayWire& wire,
                                          wire::ConnectionKind kind, std::uint64_t session) const {
  wire::Request request;
  auto& command = *request.mutable_authenticate();
  command.set_user_id(to_string_bytes(person.id));
  command.set_device_id(to_string_bytes(person.phones[phone].id));
  command.set_kind(kind);
  command.set_session(session);
  command.set_ack_no(person.phones[phone].ack_no);
  command.set_signature(wire::field(
      crypto::sign(person.phones[phone].key.private_key, wire::authentication_statement(wire.nonce, command)).view()));
  return request;
}

ConnectionId RelayAttack::enter(const Person& person, std::size_t phone, const std::string& address) {
  const auto id = connect(address);
  wires_[id].hostile = false;
  const auto answer = ask(id, authentication(person, phone, wires_[id], wire::MAIN, person.phones[phone].session + 1));
  check(success(answer), "who is who is let in");
  return id;
}

wire::Response RelayAttack::ask(ConnectionId id, const wire::Request& request) {
  const auto number = ++last_request_;
  send(id, number, request);
  step();
  auto& answers = wires_[id].answers;
  check(answers.contains(number), "the honest are answered");
  return answers[number];
}

void RelayAttack::send(ConnectionId id, std::uint64_t number, const wire::Request& request) {
  wire::Envelope envelope;
  envelope.set_id(number);
  *envelope.mutable_request() = request;
  send(id, wire::encode(envelope));
}

void RelayAttack::send(ConnectionId id, Bytes bytes) {
  sent_ += bytes.size();
  ++frames_;
  inputs_.emplace_back(Received{id, std::move(bytes)});
}

void RelayAttack::step() {
  for (int turn = 0;; ++turn) {
    check(turn < 2000, "a step comes to an end");
    auto inputs = std::exchange(inputs_, {});
    const auto out = core_.step(Timestamp(std::chrono::milliseconds(now_)), inputs);
    for (const auto& action : out.actions) take(action);
    const bool more = out.next_timer && out.next_timer->count() == 0;
    if (!more && !(out.waits_for_drain && !inputs_.empty())) return;
  }
}

void RelayAttack::take(const Output& action) {
  if (const auto* close = std::get_if<Close>(&action)) {
    auto& wire = wires_[close->id];
    if (!wire.hostile) finding("an honest connection is closed: " + close->reason);
    wire.open = false;
    inputs_.emplace_back(Closed{close->id});
    return;
  }
  const auto& send = std::get<Send>(action);
  auto& wire = wires_[send.id];
  check(wire.open, "nothing is sent after the end");
  wire.received += send.bytes.size();
  if (wire.drains) {
    inputs_.emplace_back(Drained{send.id, 0});
  } else {
    wire.undrained += send.bytes.size();
    inputs_.emplace_back(Drained{send.id, wire.undrained});
  }
  if (wire.hostile) {
    check(as_text(send.bytes).find(secret_marker) == std::string_view::npos, "a secret of others is not told");
    // Above the mark it is not fed, and one answer more may be on its way.
    check(wire.undrained <= relay_config().congested_bytes + 3 * 1024 * 1024, "a peer that does not read is not fed");
    check(wire.received <= 4 * 1024 * 1024 + 16 * sent_ + frames_ * 128 * 1024, "what comes out is bounded");
  }
  for (const auto& envelope : must(wire::decode_frame(send.bytes))) {
    if (envelope.has_push()) {
      if (wire.hostile) check_owed(envelope.push());
      wire.pushes.push_back(envelope.push());
    } else {
      if (wire.hostile) check_told(envelope.response());
      wire.answers[envelope.id()] = envelope.response();
    }
  }
  if (wire.hostile && wire.pushes.size() > 64) wire.pushes.clear();
}

void RelayAttack::check_owed(const wire::Push& push) const {
  const auto pair = to_string_bytes(s_.pair.id);
  check(push.entries().chat_id() != pair && push.chat_joined().chat_id() != pair && push.gap().chat_id() != pair &&
            push.delivery_receipt().chat_id() != pair,
        "a chat of others is not pushed");
  for (const auto& head : push.heads().heads()) check(head.chat_id() != pair, "nor its head");
}

void RelayAttack::check_told(const wire::Response& response) const {
  check(response.chat().chat_id() != to_string_bytes(s_.pair.id), "a chat of others is not told");
  check(response.status() != static_cast<std::uint32_t>(ErrorCode::INTERNAL) &&
            response.status() != static_cast<std::uint32_t>(ErrorCode::CORRUPT),
        "nothing is damaged");
}

std::vector<wire::Entry> RelayAttack::entries(ConnectionId id, const ChatId& chat) {
  std::vector<wire::Entry> out;
  for (const auto& push : wires_[id].pushes) {
    if (push.entries().chat_id() != to_string_bytes(chat)) continue;
    out.insert(out.end(), push.entries().entries().begin(), push.entries().entries().end());
  }
  return out;
}

void RelayAttack::talk_on() {
  World world(99);  // for its randomness only
  const auto request = message_request(world, s_.pair, 4, std::string(secret_marker) + ", afterwards");
  const auto answer = ask(alice_, request);
  if (!success(answer)) finding("the honest are refused: " + std::string(error_name(test::status(answer))));
  const auto got = entries(bob_, s_.pair.id);
  check(!got.empty() && got.back().message() == request.send_message().message(), "the honest are delivered to");
  const auto stubs = entries(alice_, s_.pair.id);
  check(!stubs.empty() && stubs.back().has_stub() && stubs.back().seq() == answer.accepted().seq(), "and told so");
  const auto chat = ask(bob_, get_chat_request(s_.pair.id));
  check(success(chat) && chat.chat().roster_size() == 2, "their chat is as it was");
  check(wires_[alice_].open && wires_[bob_].open, "nobody is thrown out");
}

}  // namespace sotto::fuzz
