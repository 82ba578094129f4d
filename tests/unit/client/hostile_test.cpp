// What others break, and what it does to a chat.
#include "client/chat_group.h"
#include "support/catch.h"
#include "support/testnet.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/mls_header.h"

using namespace sotto;
using namespace sotto::test;

namespace {

wire::Commit* commit_in(wire::Envelope& envelope) {
  if (!envelope.has_request()) return nullptr;
  auto& request = *envelope.mutable_request();
  if (request.has_update_chat()) return request.mutable_update_chat()->mutable_commit();
  if (request.has_modify_chat_participants()) return request.mutable_modify_chat_participants()->mutable_commit();
  return nullptr;
}

/// The next commit reaches the relay with its ciphertext changed: the clear header, all that the relay reads, is as it
/// was, and no member can open it.
void spoil_next_commit(TestNet& net, bool& spoilt) {
  net.rewrite = [&spoilt](wire::Envelope& envelope) {
    auto* commit = commit_in(envelope);
    if (commit == nullptr || spoilt) return;
    spoilt = true;
    commit->mutable_message()->back() ^= 1;
  };
}

}  // namespace

TEST_CASE("A commit of garbage is skipped by all alike, shown, and the chat goes on") {
  TestNet net(100);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto chat = alice.group({&bob, &carol}, "g");
  REQUIRE(net.settle());

  bool changed = false;
  spoil_next_commit(net, changed);
  bob.change(chat, client::ChangeKind::refresh);
  net.run_for(std::chrono::seconds(2));
  REQUIRE(changed);

  alice.send(chat, "a");
  carol.send(chat, "c");
  REQUIRE(net.settle());
  CHECK(alice.texts(chat).size() == 2);
  CHECK(carol.texts(chat) == alice.texts(chat));
  const auto ignored = [&](TestDevice& device) {
    const auto history = device.history(chat);
    return std::ranges::count_if(history, [](const Message& m) {
      return m.kind == MessageKind::notice && m.notice.kind == NoticeKind::commit_ignored;
    });
  };
  CHECK(ignored(alice) == 1);
  CHECK(ignored(carol) == 1);
  CHECK(alice.epoch_authenticator(chat) == carol.epoch_authenticator(chat));
  // Bob's own store says that the relay has something of it that it does not know: to him it is an old copy.
  CHECK(bob.chat(chat).status == ChatStatus::must_rejoin);

  alice.change(chat, client::ChangeKind::rename, {}, "still alive");
  REQUIRE(net.settle());
  CHECK(carol.chat(chat).name == "still alive");
}

TEST_CASE("A roster that a skipped commit changed at the relay is mended by an admin") {
  TestNet net(101);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& carol = net.add("carol");
  const auto chat = alice.group({&bob, &carol}, "g");
  REQUIRE(net.settle());
  // Alice's removal of bob reaches the relay whole, but no member can open it.
  bool changed = false;
  spoil_next_commit(net, changed);
  alice.change(chat, client::ChangeKind::remove, bob.user);
  net.run_for(std::chrono::seconds(5));
  REQUIRE(changed);
  // The only admin is the one whose store no longer fits, so the rest can write and read, and nothing is false.
  CHECK(alice.chat(chat).status == ChatStatus::must_rejoin);
  carol.send(chat, "c");
  net.run_for(std::chrono::seconds(5));
  CHECK(carol.texts(chat) == std::vector<std::string>{"c"});
}

TEST_CASE("A message that does not open leaves a placeholder with its reason, and the next one is shown") {
  TestNet net(102);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  bool changed = false;
  net.rewrite = [&](wire::Envelope& envelope) {
    if (!envelope.has_request() || !envelope.request().has_send_message() || changed) return;
    changed = true;
    envelope.mutable_request()->mutable_send_message()->mutable_message()->back() ^= 1;
  };
  alice.send(chat, "lost on the way");
  alice.send(chat, "fine");
  REQUIRE(net.settle());
  const auto history = bob.history(chat);
  REQUIRE(history.size() == 3);
  CHECK(history[1].kind == MessageKind::placeholder);
  CHECK(history[1].problem->code == ErrorCode::DECRYPTION_FAILED);
  CHECK(history[1].sender.is_zero());
  CHECK(history[2].text == "fine");
}

TEST_CASE("A relay that leaves a hole in a log is not followed") {
  TestNet net(103);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  bool dropped = false;
  net.to_client = [&](wire::Envelope& envelope) {
    if (dropped || !envelope.has_push() || !envelope.push().has_entries()) return true;
    if (envelope.push().entries().entries(0).payload_case() != wire::Entry::kMessage) return true;
    dropped = true;
    return false;
  };
  alice.send(chat, "1");
  net.run_for(std::chrono::seconds(1));
  alice.send(chat, "2");
  REQUIRE(net.settle());
  REQUIRE(dropped);
  CHECK(bob.texts(chat) == std::vector<std::string>{"1", "2"});
  CHECK(bob.count(MessageKind::placeholder, chat) == 0);
}

TEST_CASE("A Welcome that does not open shows a chat that must be rejoined, not silence") {
  TestNet net(104);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  net.to_client = [&](wire::Envelope& envelope) {
    if (envelope.has_push() && envelope.push().has_chat_joined()) {
      auto* welcome = envelope.mutable_push()->mutable_chat_joined()->mutable_entry()->mutable_welcome();
      welcome->mutable_secret()->back() ^= 1;
    }
    return true;
  };
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "hello");
  REQUIRE(net.run_until([&] { return !bob.events.empty() && bob.count(MessageKind::placeholder, chat) == 1; }));
  CHECK(bob.chat(chat).status == ChatStatus::must_rejoin);
  // What is written waits, visibly.
  bob.send(chat, "anybody there?");
  net.run_for(std::chrono::seconds(5));
  CHECK(bob.history(chat).back().state == MessageState::queued);
  CHECK(alice.texts(chat) == std::vector<std::string>{"hello"});
}

TEST_CASE("Lost answers repeat nothing") {
  const auto seed = GENERATE(range(200U, 210U));
  TestNet net(seed);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  int lost = 0;
  net.to_client = [&](wire::Envelope& envelope) {
    if (!envelope.has_response() || lost >= 10 || net.random.below(4) != 0) return true;
    ++lost;
    return false;
  };
  std::vector<std::string> sent;
  for (int i = 0; i < 40; ++i) {
    sent.push_back(std::to_string(i));
    alice.send(chat, sent.back());
    net.run_for(std::chrono::milliseconds(net.random.below(40)));
    if (net.random.below(5) == 0) net.cut(alice);
  }
  REQUIRE(net.settle());
  CHECK(lost > 0);
  CHECK(bob.texts(chat) == sent);
  CHECK(alice.texts(chat) == sent);
}

TEST_CASE("A Welcome to a chat that works is refused: the relay cannot put another group in its place") {
  TestNet net(105);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  auto& mallory = net.add("mallory");
  const auto chat = alice.group({&bob}, "g");
  REQUIRE(net.settle());
  const auto before = bob.epoch_authenticator(chat);
  // Mallory founds a group of her own with Bob; the relay hands its Welcome to Bob under the name of Alice's chat.
  bool forged = false;
  net.to_client = [&](wire::Envelope& envelope) {
    if (!envelope.has_push() || !envelope.push().has_chat_joined()) return true;
    auto& joined = *envelope.mutable_push()->mutable_chat_joined();
    joined.set_chat_id(to_string_bytes(chat));
    joined.mutable_entry()->set_seq(100);
    forged = true;
    return true;
  };
  mallory.group({&bob}, "trap");
  net.run_for(std::chrono::seconds(3));
  REQUIRE(forged);
  CHECK(bob.chat(chat).status == ChatStatus::active);
  CHECK(bob.chat(chat).name == "g");
  CHECK(bob.epoch_authenticator(chat) == before);
}

TEST_CASE("A message that was withheld is shown as missing when the next one of its sender comes") {
  TestNet net(106);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "0");
  REQUIRE(net.settle());
  // A relay that drops an entry and renumbers what follows, so that the log itself has no hole.
  std::uint64_t dropped = 0;
  net.to_client = [&](wire::Envelope& envelope) {
    if (!envelope.has_push() || !envelope.push().has_entries()) return true;
    auto& entries = *envelope.mutable_push()->mutable_entries();
    if (entries.entries(0).payload_case() != wire::Entry::kMessage) return true;
    if (dropped == 0) {
      dropped = entries.entries(0).seq();
      return false;
    }
    for (auto& entry : *entries.mutable_entries()) entry.set_seq(entry.seq() - 1);
    return true;
  };
  alice.send(chat, "1");
  net.run_for(std::chrono::seconds(1));
  alice.send(chat, "2");
  net.run_for(std::chrono::seconds(1));
  REQUIRE(dropped != 0);
  const auto history = bob.history(chat);
  REQUIRE(history.size() >= 2);
  CHECK(history.back().text == "2");
  CHECK(history[history.size() - 2].kind == MessageKind::placeholder);
  CHECK(history[history.size() - 2].problem->code == ErrorCode::NOT_FOUND);
}

TEST_CASE("A restored relay that has more of a chat than a window, all known here, goes on to other chats") {
  TestNet net(108);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  REQUIRE(net.settle());
  bob.go_offline();
  for (std::size_t i = 0; i < wire::limits::window_entries + 50; ++i) alice.send(chat, std::to_string(i));
  REQUIRE(net.settle());
  const auto backup = net.disk->restored(net.random);
  bob.go_online();
  alice.send(chat, "after the backup");
  REQUIRE(net.settle());
  const auto before = bob.texts(chat).size();
  net.disk = backup;
  net.restart_relay();
  net.run_for(std::chrono::seconds(30));
  CHECK(bob.chat(chat).status == ChatStatus::must_rejoin);
  const auto other = alice.group({&bob}, "after the fire");
  const auto id = alice.send(other, "hello again");
  net.run_for(std::chrono::minutes(1));
  CHECK(alice.message(other, id).state == MessageState::delivered);
  CHECK(bob.texts(other) == std::vector<std::string>{"hello again"});
  CHECK(bob.texts(chat).size() == before);
  // Nothing of it waits at the relay any more.
  net.run_for(std::chrono::minutes(5));
  std::size_t entries = 0;
  net.to_client = [&](wire::Envelope& envelope) {
    entries += static_cast<std::size_t>(envelope.push().entries().entries_size());
    return true;
  };
  bob.restart();
  net.run_for(std::chrono::minutes(1));
  CHECK(entries == 0);
}

TEST_CASE("A relay whose store is another than before makes chats say so") {
  TestNet net(107);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "0");
  REQUIRE(net.settle());
  net.disk = net.disk->restored(net.random);
  net.restart_relay();
  net.run_for(std::chrono::seconds(30));
  CHECK(alice.chat(chat).status == ChatStatus::must_rejoin);
  CHECK(bob.chat(chat).status == ChatStatus::must_rejoin);
  CHECK(alice.texts(chat) == std::vector<std::string>{"0"});
}
