// Restarts and failing storage: nothing is said that is not durable, and memory equals disk afterwards.
#include "relay/backend/sqlite_backend.h"
#include "support/catch.h"
#include "unit/relay/support/script.h"

namespace sotto::relay::test {

namespace {

using Received = std::map<std::string, std::map<std::uint64_t, std::string>>;

Received undisturbed() {
  World world;
  Conversation conversation(world);
  for (std::size_t i = 0; i < conversation.acts(); ++i) conversation.act(i);
  conversation.settle();
  return conversation.received();
}

/// What is stored of the conversation's chat when all is acked: nothing.
void check_empty(World& world, const ChatId& chat) {
  world.advance(2000);
  world.backend->read(chat, 1, 100, 1 << 20, [](const Result<std::vector<LogRecord>>& records) {
    REQUIRE(records.ok());
    CHECK(records->empty());
  });
  world.backend->run();
}

std::string chat_info(Link& link, const ChatId& chat) {
  const auto answer = link.ask(get_chat_request(chat));
  REQUIRE(success(answer));
  return answer.SerializeAsString();
}

}  // namespace

TEST_CASE("a conversation ends alike wherever the relay restarts") {
  const auto expected = undisturbed();
  REQUIRE(expected.at("alice").size() == 11);
  REQUIRE(expected.at("bob").size() == 11);
  // Carol was away between her removal (7) and her return (9).
  REQUIRE(expected.at("carol").size() == 7);
  REQUIRE_FALSE(expected.at("carol").contains(8));
  const std::size_t acts = 16;
  for (std::size_t at = 0; at < acts; ++at) {
    World world;
    Conversation conversation(world);
    REQUIRE(conversation.acts() == acts);
    for (std::size_t i = 0; i < acts; ++i) {
      if (i == at) {
        world.restart();
        conversation.disconnected();
      }
      conversation.act(i);
    }
    conversation.settle();
    CAPTURE(at);
    CHECK(conversation.received() == expected);
    check_empty(world, conversation.group().id);
  }
}

TEST_CASE("a conversation ends alike whichever write fails, and nothing was said too early") {
  const auto expected = undisturbed();
  bool reached_the_end = false;
  for (std::size_t write = 1; !reached_the_end; ++write) {
    World world;
    Conversation conversation(world);
    const auto before = world.backend->writes();
    world.backend->fail_write(write);
    for (std::size_t i = 0; i < conversation.acts(); ++i) {
      conversation.act(i);
      // Memory equals disk: the live core and one that starts from the disk say the same.
      if (i % 5 != 4) continue;
      const auto live = chat_info(conversation.link("alice"), conversation.group().id);
      world.restart();
      conversation.disconnected();
      CHECK(chat_info(conversation.link("alice"), conversation.group().id) == live);
    }
    reached_the_end = world.backend->writes() - before < write;
    conversation.settle();
    CAPTURE(write);
    CHECK(conversation.received() == expected);
    REQUIRE(write < 500);
  }
}

TEST_CASE("while the storage fails all that writes is UNAVAILABLE, and nothing leaves; then it goes on") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  world.backend->fail_all(ErrorCode::DISK_FULL);
  std::vector<wire::Request> requests;
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = 1; n <= 8; ++n) {
    requests.push_back(message_request(world, group, n));
    numbers.push_back(alice.queue(requests.back()));
  }
  const auto read = bob.queue(get_chat_request(group.id));
  world.step();
  for (const auto number : numbers) CHECK(status(alice.answer(number)) == ErrorCode::UNAVAILABLE);
  // It would have shown what was not stored.
  CHECK(status(bob.answer(read)) == ErrorCode::UNAVAILABLE);
  CHECK(bob.seqs(group.id) == std::vector<std::uint64_t>{1});
  CHECK(alice.seqs(group.id) == std::vector<std::uint64_t>{1});
  CHECK(bob.ask(get_chat_request(group.id)).chat().head() == 1);

  world.backend->fail_all(std::nullopt);
  for (std::uint64_t n = 1; n <= 8; ++n) CHECK(alice.ask(requests[n - 1]).accepted().seq() == n + 1);
  CHECK(bob.seqs(group.id).size() == 9);
}

TEST_CASE("what cannot be read when its device connects is delivered once it can be") {
  World world;
  auto* alice = &world.newcomer("alice");
  auto* bob = &world.newcomer("bob");
  auto& bobs_person = *bob->person;
  auto& alices_person = *alice->person;
  const auto group = make_group(world, *alice, {bob->person});
  bob->ack(group.id, 1);
  world.disconnect(*bob);
  REQUIRE(success(alice->ask(message_request(world, group, 1))));
  world.restart();

  world.backend->fail_log_reads(ErrorCode::IO_ERROR);
  bob = &world.online(bobs_person);
  REQUIRE(bob->heads().has_value());
  CHECK(bob->heads()->empty());
  world.advance(60'000);
  CHECK(bob->entries(group.id).empty());
  CHECK_FALSE(bob->closed);

  world.backend->fail_log_reads(std::nullopt);
  world.advance(60'000);
  CHECK(bob->seqs(group.id) == std::vector<std::uint64_t>{2});
  alice = &world.online(alices_person);
  REQUIRE(success(alice->ask(message_request(world, group, 2))));
  CHECK(bob->seqs(group.id) == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("two relays over one store: a fold that is behind is read anew, and no seq is given twice") {
  World world;
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  // Another node, which appends behind the back of the first one.
  MemoryBackend other_backend(world.disk);
  SeededRandom other_random(2);
  auto other = std::make_unique<Core>(other_backend, other_random);
  std::swap(world.core, other);
  auto& bob_at_other = world.online(*bob.person);
  REQUIRE(success(bob_at_other.ask(message_request(world, group, 1))));
  std::swap(world.core, other);

  const auto answer = alice.ask(message_request(world, group, 1));
  REQUIRE(success(answer));
  CHECK(answer.accepted().seq() == 3);
}

}  // namespace sotto::relay::test
