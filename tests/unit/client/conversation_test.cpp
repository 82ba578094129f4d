// Whole conversations between engines, over the real relay core, on virtual time.
#include "support/catch.h"
#include "support/testnet.h"

using namespace sotto;
using namespace sotto::test;
using Texts = std::vector<std::string>;

TEST_CASE("Two people chat") {
  TestNet net(1);
  auto& alice = net.add("alice");
  auto& bob = net.add("+4930123456");
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "hello");
  REQUIRE(net.settle());
  CHECK(bob.texts(chat) == Texts{"hello"});
  bob.send(chat, "hi");
  REQUIRE(net.settle());
  CHECK(alice.texts(chat) == Texts{"hello", "hi"});
  CHECK(bob.texts(chat) == Texts{"hello", "hi"});
  CHECK(alice.chat(chat).status == ChatStatus::active);
  CHECK(bob.chat(chat).peer == alice.user);
  CHECK(alice.history(chat).at(1).state == MessageState::delivered);
  CHECK(alice.history(chat).at(2).state == MessageState::received);
  CHECK(alice.history(chat).at(2).sender == bob.user);
  CHECK(alice.epoch_authenticator(chat) == bob.epoch_authenticator(chat));
}

TEST_CASE("A group is created, used, renamed; a member is added and one removed") {
  TestNet net(2);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  auto& dave = net.add("dave");
  const auto chat = alice.group({&bob, &carol}, "friends");
  alice.send(chat, "1");
  REQUIRE(net.settle());
  bob.send(chat, "2");
  carol.send(chat, "3");
  REQUIRE(net.settle());
  CHECK(alice.texts(chat).size() == 3);
  CHECK(alice.texts(chat) == bob.texts(chat));
  CHECK(alice.texts(chat) == carol.texts(chat));

  alice.change(chat, client::ChangeKind::rename, {}, "best friends");
  alice.change(chat, client::ChangeKind::add, dave.user);
  REQUIRE(net.settle());
  REQUIRE(alice.changes.size() == 2);
  CHECK(alice.changes[0].ok());
  CHECK(alice.changes[1].ok());
  CHECK(carol.chat(chat).name == "best friends");
  CHECK(dave.chat(chat).name == "best friends");
  dave.send(chat, "4");
  REQUIRE(net.settle());
  CHECK(alice.texts(chat).back() == "4");
  CHECK(dave.texts(chat) == Texts{"4"});

  alice.change(chat, client::ChangeKind::remove, bob.user);
  REQUIRE(net.settle());
  carol.send(chat, "5");
  REQUIRE(net.settle());
  CHECK(bob.chat(chat).status == ChatStatus::removed);
  CHECK(bob.texts(chat).back() == "4");
  CHECK(dave.texts(chat) == Texts{"4", "5"});
  CHECK(alice.epoch_authenticator(chat) == dave.epoch_authenticator(chat));

  SECTION("who is not an admin changes nothing") {
    carol.change(chat, client::ChangeKind::remove, dave.user);
    carol.change(chat, client::ChangeKind::rename, {}, "mine");
    REQUIRE(net.settle());
    CHECK(carol.changes.at(0).code() == ErrorCode::FORBIDDEN);
    CHECK(carol.changes.at(1).code() == ErrorCode::FORBIDDEN);
    CHECK(alice.chat(chat).name == "best friends");
  }
  SECTION("the removed one comes back") {
    alice.change(chat, client::ChangeKind::add, bob.user);
    REQUIRE(net.settle());
    bob.send(chat, "6");
    REQUIRE(net.settle());
    CHECK(bob.chat(chat).status == ChatStatus::active);
    CHECK(carol.texts(chat).back() == "6");
    CHECK(carol.count(MessageKind::placeholder, chat) == 0);
    CHECK(bob.count(MessageKind::placeholder, chat) == 0);
  }
  SECTION("keys are refreshed") {
    const auto before = alice.epoch_authenticator(chat);
    dave.change(chat, client::ChangeKind::refresh);
    REQUIRE(net.settle());
    CHECK(dave.changes.at(0).ok());
    CHECK(alice.epoch_authenticator(chat) != before);
    CHECK(alice.epoch_authenticator(chat) == carol.epoch_authenticator(chat));
  }
}

TEST_CASE("Messages reach someone who was offline, in order and once") {
  TestNet net(3);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  bob.go_offline();
  Texts sent;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(std::to_string(i));
    alice.send(chat, sent.back());
  }
  REQUIRE(net.settle());
  CHECK(alice.history(chat).back().state == MessageState::sent);
  bob.go_online();
  net.run_for(std::chrono::milliseconds(60));
  bob.restart();
  REQUIRE(net.settle());
  CHECK(bob.texts(chat) == sent);
  CHECK(alice.history(chat).back().state == MessageState::delivered);
}

TEST_CASE("Two people create the same direct chat at once") {
  TestNet net(4);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  CHECK(bob.direct_chat(alice) == chat);
  alice.send(chat, "a");
  bob.send(chat, "b");
  REQUIRE(net.settle());
  CHECK(alice.texts(chat).size() == 2);
  CHECK(alice.texts(chat) == bob.texts(chat));
  CHECK(alice.count(MessageKind::placeholder, chat) == 0);
  CHECK(bob.count(MessageKind::placeholder, chat) == 0);
}

TEST_CASE("Two admins' worth of changes and many senders at once come to one order") {
  TestNet net(5);
  std::vector<TestDevice*> all;
  for (int i = 0; i < 6; ++i) all.push_back(&net.add("user" + std::to_string(i)));
  const auto chat = all[0]->group({all[1], all[2], all[3], all[4]}, "crowd");
  REQUIRE(net.settle());
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 5; ++i) {
      for (int k = 0; k < 4; ++k)
        all[static_cast<std::size_t>(i)]->send(chat, std::to_string(100 * round + 10 * i + k));
      all[static_cast<std::size_t>(i)]->change(chat, client::ChangeKind::refresh);
    }
    if (round == 2) all[0]->change(chat, client::ChangeKind::add, all[5]->user);
    net.run_for(std::chrono::milliseconds(200));
    net.cut(*all[static_cast<std::size_t>(round)]);
  }
  REQUIRE(net.settle());
  const auto first = all[0]->texts(chat);
  CHECK(first.size() == 100);
  for (std::size_t i = 1; i < 5; ++i) {
    CHECK(all[i]->texts(chat) == first);
    CHECK(all[i]->count(MessageKind::placeholder, chat) == 0);
    CHECK(all[i]->epoch_authenticator(chat) == all[0]->epoch_authenticator(chat));
  }
  CHECK(all[5]->epoch_authenticator(chat) == all[0]->epoch_authenticator(chat));
}

TEST_CASE("Restarts and cuts at any time lose nothing and repeat nothing") {
  const auto seed = GENERATE(range(10U, 30U));
  TestNet net(seed);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto chat = alice.group({&bob, &carol}, "g");
  std::map<TestDevice*, Texts> sent;
  std::vector<TestDevice*> all{&alice, &bob, &carol};
  REQUIRE(net.settle());
  for (int i = 0; i < 60; ++i) {
    auto* device = all[net.random.below(3)];
    device->send(chat, std::to_string(i));
    sent[device].push_back(std::to_string(i));
    if (net.random.below(6) == 0) device->change(chat, client::ChangeKind::refresh);
    net.run_for(std::chrono::milliseconds(net.random.below(30)));
    switch (net.random.below(10)) {
      case 0:
        all[net.random.below(3)]->restart();
        break;
      case 1:
        net.cut(*all[net.random.below(3)]);
        break;
      case 2:
        net.restart_relay();
        break;
      default:
        break;
    }
  }
  REQUIRE(net.settle());
  const auto first = alice.texts(chat);
  // What a process lost before it was stored was never told to be sent; everything else is there, in order.
  for (auto* device : all) {
    CHECK(device->texts(chat) == first);
    CHECK(device->count(MessageKind::placeholder, chat) == 0);
    CHECK(device->epoch_authenticator(chat) == alice.epoch_authenticator(chat));
    Texts own;
    for (const auto& message : alice.history(chat)) {
      if (message.kind == MessageKind::text && message.sender == device->user) own.push_back(message.text);
    }
    CHECK(own == sent[device]);
  }
}
