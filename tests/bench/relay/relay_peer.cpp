#include "relay/relay_peer.h"

#include <algorithm>

#include "load/must.h"
#include "wire/identity.h"

namespace sotto::bench {

namespace {

using namespace std::chrono_literals;

/// A user may send 2,000 messages at once in a chat, and 200 a second more (CoreConfig::messages): so that no limit is
/// measured, a pair has as many chats as it needs, and goes on to the next after this many.
constexpr std::uint64_t messages_a_chat = 1'900;

}  // namespace

void RelayPeer::run_until(const std::function<bool()>& done) {
  const auto until = Clock::now() + 60s;
  while (!done()) {
    if (Clock::now() > until) give_up("the relay does not answer");
    loop_->turn(Clock::now() + 50ms);
  }
}

void RelayPeer::open(Loop& loop, Observer& observer, std::size_t pairs, std::uint64_t most) {
  loop_ = &loop;
  observer_ = &observer;
  const auto chats = chats_in_turn_ != 0 ? chats_in_turn_ : chat_of(most) + 1;
  due_.assign(pairs, std::vector<std::uint64_t>(chats));
  for (auto* users : {&senders_, &recipients_}) {
    for (std::size_t i = 0; i < pairs; ++i) {
      users->push_back(std::make_unique<User>(relay_, static_cast<User::Listener&>(*this), random_, i));
      users->back()->connect();
      users->back()->authenticate(loop);
    }
  }
  run_until([&] {
    return std::ranges::all_of(senders_, &User::heads_told) && std::ranges::all_of(recipients_, &User::heads_told);
  });
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    for (std::size_t i = 0; i < chats; ++i) {
      const auto chat = wire::random_group_id(random_);
      senders_[pair]->add_chat(chat);
      recipients_[pair]->add_chat(chat);
      senders_[pair]->ask(senders_[pair]->founding(chat, {recipients_[pair].get()}));
    }
    run_until([&] { return senders_[pair]->answered() == 1 + chats; });
  }
  run_until([&] { return stored() == 0; });
}

std::size_t RelayPeer::chat_of(std::uint64_t number) const {
  return static_cast<std::size_t>(chats_in_turn_ != 0 ? number % chats_in_turn_ : number / messages_a_chat);
}

void RelayPeer::send(std::size_t pair, std::uint64_t number) { senders_[pair]->send(chat_of(number), number); }

void RelayPeer::go_offline() {
  for (auto& user : recipients_) user->disconnect();
}

void RelayPeer::come_online() {
  for (auto& user : recipients_) user->connect();
}

void RelayPeer::fetch() {
  for (auto& user : recipients_) user->authenticate(*loop_);
}

void RelayPeer::kill_and_restart() {
  relay_.kill();
  relay_.start();
  for (auto* users : {&senders_, &recipients_}) {
    for (auto& user : *users) {
      user->disconnect();
      user->connect();
      user->authenticate(*loop_);
    }
  }
  run_until([&] { return std::ranges::all_of(senders_, &User::heads_told); });
  for (auto& user : senders_) user->send_unanswered();
}

void RelayPeer::on_accepted(User& user, std::uint64_t) { observer_->accepted(user.index); }
void RelayPeer::on_delivered(User& user, std::uint64_t number) {
  auto& due = due_.at(user.index).at(chat_of(number));
  if (number < due) give_up("the messages of a chat are out of order");
  due = number + 1;
  observer_->delivered(user.index, number);
}

}  // namespace sotto::bench
