// While a run of the store is under way the core goes on; what it takes up meanwhile rests on what that run stores.
#include "support/catch.h"
#include "unit/relay/support/script.h"

namespace sotto::relay::test {

namespace {

/// Alice and Bob in a group, and a disk that takes its time from here on.
struct Scene {
  Scene() { world.disk_is_slow = true; }

  /// Alice's next message; gives the number of the request.
  std::uint64_t write(std::uint64_t n) {
    const auto number = alice.queue(message_request(world, group, n));
    world.step();
    return number;
  }

  World world;
  Link& alice = world.newcomer("alice");
  Link& bob = world.newcomer("bob");
  Group group = make_group(world, alice, {bob.person});
};

wire::Request block(const UserId& user) {
  wire::Request request;
  *request.mutable_set_block_list()->add_user_ids() = to_string_bytes(user);
  return request;
}

using Seqs = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("nothing is answered and nothing delivered before its run has ended") {
  Scene scene;
  const auto first = scene.write(1);
  CHECK_FALSE(scene.alice.answers.contains(first));
  CHECK(scene.bob.seqs(scene.group.id) == Seqs{1});
  scene.world.end_run();
  CHECK(scene.alice.answer(first).accepted().seq() == 2);
  CHECK(scene.bob.seqs(scene.group.id) == Seqs{1, 2});
}

TEST_CASE("what comes while a run is under way goes into the next one, all of it together") {
  Scene scene;
  const auto first = scene.write(1);
  const auto second = scene.write(2);
  const auto third = scene.write(3);
  scene.world.end_run();
  CHECK(scene.alice.answers.contains(first));
  CHECK_FALSE(scene.alice.answers.contains(second));
  CHECK(scene.bob.seqs(scene.group.id) == Seqs{1, 2});
  scene.world.end_run();
  CHECK(scene.alice.answer(second).accepted().seq() == 3);
  CHECK(scene.alice.answer(third).accepted().seq() == 4);
  CHECK(scene.bob.seqs(scene.group.id) == Seqs{1, 2, 3, 4});
}

TEST_CASE("an answer that shows what a run is going to store waits for it") {
  Scene scene;
  scene.write(1);
  const auto shown = scene.bob.queue(get_chat_request(scene.group.id));
  scene.world.step();
  CHECK_FALSE(scene.bob.answers.contains(shown));
  scene.world.end_run();
  CHECK(scene.bob.answer(shown).chat().head() == 2);
}

TEST_CASE("if a run fails, so does all that was taken up since it began, and nothing of it is stored") {
  Scene scene;
  scene.world.disk_is_slow = false;
  auto& carol = scene.world.newcomer("carol");
  const auto other = make_group(scene.world, carol, {scene.bob.person});
  scene.world.disk_is_slow = true;
  const auto first = scene.write(1);
  const auto writes = scene.world.backend->writes();
  // On top of it, of another chat, a record, and a look at what is not stored.
  const auto second = scene.write(2);
  const auto elsewhere = carol.queue(message_request(scene.world, other, 1));
  const auto blocked = carol.queue(block(scene.alice.person->id));
  const auto looked = scene.bob.queue(get_chat_request(scene.group.id));
  scene.bob.queue_ack(scene.group.id, 1);
  scene.world.step();
  scene.world.backend->fail_next_run(ErrorCode::DISK_FULL);
  scene.world.disk_is_slow = false;
  scene.world.end_run();

  CHECK(status(scene.alice.answer(first)) == ErrorCode::UNAVAILABLE);
  CHECK(status(scene.alice.answer(second)) == ErrorCode::UNAVAILABLE);
  CHECK(status(carol.answer(elsewhere)) == ErrorCode::UNAVAILABLE);
  CHECK(status(carol.answer(blocked)) == ErrorCode::UNAVAILABLE);
  CHECK(status(scene.bob.answer(looked)) == ErrorCode::UNAVAILABLE);
  CHECK(stored(scene.world, scene.group.id) == Seqs{1});
  CHECK(stored(scene.world, other.id) == Seqs{1});
  CHECK(scene.world.backend->writes() == writes);
  CHECK(scene.bob.seqs(scene.group.id) == Seqs{1});

  // Memory follows the disk, and all of it goes through when it is asked for again.
  CHECK(scene.bob.ask(get_chat_request(scene.group.id)).chat().head() == 1);
  CHECK(scene.alice.ask(message_request(scene.world, scene.group, 1)).accepted().seq() == 2);
  CHECK(carol.ask(message_request(scene.world, other, 1)).accepted().seq() == 2);
  CHECK(success(carol.ask(block(scene.alice.person->id))));
}

TEST_CASE("an ack that fell with the run before it is carried out later") {
  Scene scene;
  scene.write(1);
  scene.bob.queue_ack(scene.group.id, 1);
  scene.alice.queue_ack(scene.group.id, 1);
  scene.world.step();
  scene.world.backend->fail_next_run();
  scene.world.disk_is_slow = false;
  scene.world.end_run();
  CHECK(stored(scene.world, scene.group.id) == Seqs{1});
  scene.world.advance(5000);
  CHECK(stored(scene.world, scene.group.id).empty());
}

TEST_CASE("a chat that is never at rest is trimmed nevertheless") {
  Scene scene;
  scene.write(1);
  for (std::uint64_t n = 2; n < 40; ++n) {
    scene.bob.queue_ack(scene.group.id, n - 1);
    scene.alice.queue_ack(scene.group.id, n - 1);
    scene.world.now_ms += 100;
    scene.write(n);  // so that the run that ends now is followed by one that appends
    scene.world.end_run();
  }
  scene.world.disk_is_slow = false;
  scene.world.end_run();
  CHECK(stored(scene.world, scene.group.id).size() < 10);
}

TEST_CASE(
    "who acks on a new connection what came on the last one is told of no gap while the run that trims is under way") {
  Scene scene;
  auto& world = scene.world;
  world.disk_is_slow = false;
  std::vector<Group> groups{scene.group};
  for (int i = 0; i < 3; ++i) groups.push_back(make_group(world, scene.alice, {scene.bob.person}));
  for (const auto& group : groups) {
    for (std::uint64_t n = 1; n <= 5; ++n) REQUIRE(success(scene.alice.ask(message_request(world, group, n))));
    // So that there is a snapshot, and what is behind it is read from the log.
    scene.bob.ack(group.id, 1);
    scene.alice.ack(group.id, 6);
  }
  auto& person = *scene.bob.person;
  world.advance(2000);
  world.restart();

  world.disk_is_slow = true;
  auto& back = world.connect(person);
  static_cast<void>(back.authenticate());
  const auto end_runs = [&](const auto& until) {
    for (int i = 0; i < 20 && !until(); ++i) world.end_run();
    REQUIRE(until());
  };
  end_runs([&] { return back.heads().has_value(); });
  // They are read one after the other; of those that are not yet, what it has is trimmed meanwhile.
  for (const auto& group : groups) REQUIRE(back.entries(group.id).empty());
  wire::Request ack;
  ack.mutable_ack()->set_ack_no(++person.phones[0].ack_no);
  for (const auto& group : groups) {
    auto& cursor = *ack.mutable_ack()->add_cursors();
    cursor.set_chat_id(to_string_bytes(group.id));
    cursor.set_seq(6);
  }
  back.queue(ack);
  world.step();
  end_runs([&] { return !world.backend->waits_to_be_carried_out(); });
  world.advance(2000);
  end_runs([&] { return !world.backend->waits_to_be_carried_out(); });
  CHECK(std::ranges::none_of(back.pushes, [](const auto& push) { return push.has_gap(); }));
  for (const auto& group : groups) CHECK(stored(world, group.id).empty());
}

TEST_CASE("stopping waits for the run under way and for what waits behind it") {
  Scene scene;
  scene.write(1);
  scene.write(2);
  const auto out = scene.world.core->stop(Timestamp(std::chrono::milliseconds(scene.world.now_ms)));
  CHECK(scene.world.backend->idle());
  CHECK(stored(scene.world, scene.group.id) == Seqs{1, 2, 3});
  CHECK(out.checkpoint);
}

}  // namespace sotto::relay::test
