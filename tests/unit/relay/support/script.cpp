#include "unit/relay/support/script.h"

#include <algorithm>

#include "support/catch.h"
#include "wire/identity.h"

namespace sotto::relay::test {

Conversation::Conversation(World& world) : world_(world) {
  for (const auto* name : {"alice", "bob", "carol"}) links_[name] = &world.newcomer(name);
  group_.id = wire::random_group_id(world.random);
  const auto found = [this] {
    const auto a = link("alice").device();
    ask("alice", create_request(world_, group_, {a, link("bob").device()}, {a.user}, a));
  };
  const auto change = [this](wire::Operation operation) {
    const auto& carol = *link("carol").person;
    Change roster;
    (operation == wire::ADD ? roster.adds : roster.removes) = {carol.device()};
    ask("alice", modify_request(world_, group_, carol.id, operation, roster));
    const auto info = link("alice").ask(get_chat_request(group_.id));
    accepted(group_, roster, info.chat().handshake_seq());
    if (operation == wire::ADD) n_["carol"] = 0;
  };
  acts_ = {
      found,
      [this] { message("alice"); },
      [this] { message("bob"); },
      [this] { ack("alice"); },
      [change] { change(wire::ADD); },
      [this] { message("carol"); },
      [this] { message("carol"); },
      [this] { ack("bob"); },
      [change] { change(wire::REMOVE); },
      [this] { message("bob"); },
      [this] { ack("alice"); },
      [change] { change(wire::ADD); },
      [this] { message("carol"); },
      [this] { ack("bob"); },
      [this] { message("alice"); },
      [this] { ack("carol"); },
  };
}

Link& Conversation::link(const std::string& name) {
  auto& link = links_[name];
  for (int attempt = 0; link == nullptr || link->closed; ++attempt) {
    REQUIRE(attempt < 50);
    auto& fresh = world_.connect(world_.person(name));
    if (success(fresh.authenticate())) link = &fresh;
  }
  return *link;
}

void Conversation::ask(const std::string& name, const wire::Request& request) {
  for (int attempt = 0;; ++attempt) {
    REQUIRE(attempt < 50);
    const auto answer = link(name).ask(request);
    if (success(answer)) return;
    REQUIRE(status(answer) == ErrorCode::UNAVAILABLE);
  }
}

void Conversation::message(const std::string& name) {
  const auto request = message_request(world_, group_, ++n_[name], name + " says " + std::to_string(n_[name]));
  ask(name, request);
}

void Conversation::take(const std::string& name) {
  for (auto entry : link(name).entries(group_.id)) {
    const auto seq = entry.seq();
    entry.clear_message_id();
    // What a message's own random id makes different is its AAD; the ciphertext is the test's.
    const auto& message = entry.message();
    const auto text =
        (entry.has_stub() ? "stub" : message.substr(message.size() - std::min<std::size_t>(message.size(), 11))) +
        (entry.has_handshake() ? " commit" : "") + (entry.has_welcome() ? " welcome " + entry.welcome().secret() : "");
    const auto [it, added] = received_[name].emplace(seq, text);
    REQUIRE(it->second == text);
  }
}

void Conversation::ack(const std::string& name) {
  take(name);
  if (received_[name].empty()) return;
  wire::Request request;
  request.mutable_ack()->set_ack_no(++link(name).person->phones[0].ack_no);
  auto& cursor = *request.mutable_ack()->add_cursors();
  cursor.set_chat_id(to_string_bytes(group_.id));
  cursor.set_seq(received_[name].rbegin()->first);
  ask(name, request);
}

void Conversation::act(std::size_t index) { acts_[index](); }

void Conversation::settle() {
  for (const auto* name : {"alice", "bob", "carol"}) {
    links_[name] = nullptr;
    link(name);
    ack(name);
  }
}

}  // namespace sotto::relay::test
