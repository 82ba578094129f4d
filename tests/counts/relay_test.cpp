// What a message costs the relay's core with its SQLite backend. A bound is what was counted when it was written, and a
// tenth more; whoever makes the relay do less lowers it.
#include <iostream>

#include "counts/counting.h"
#include "relay/backend/sqlite_backend.h"
#include "support/catch.h"
#include "support/must.h"
#include "support/temp_dir.h"
#include "unit/relay/support/relay_world.h"

using namespace sotto;
using namespace sotto::relay;
using namespace sotto::relay::test;

namespace {

struct Cost {
  double statements = 0;
  double allocations = 0;
};

/// One sends, the other gets it, both ack, the entry is deleted: `rounds` times with `batch` messages at once.
Cost cost_of(std::size_t rounds, std::size_t batch) {
  sotto::test::TempDir folder;
  World world;
  sotto::test::forget_statements();
  SqliteOptions options;
  options.synchronous = store::Synchronous::normal;
  auto backend = sotto::test::must(SqliteBackend::open(folder.path() + "/relay", world.random, options));
  world.start(*backend);
  auto& alice = world.newcomer("alice");
  auto& bob = world.newcomer("bob");
  const auto group = make_group(world, alice, {bob.person});
  std::uint64_t seq = 1;
  std::uint64_t n = 0;
  const auto step = [&](std::vector<Input> inputs) {
    const auto outputs = world.core->step(Timestamp(std::chrono::milliseconds(world.now_ms += 20)), inputs);
    return outputs.actions.size();
  };
  const auto frame = [](Link& link, const wire::Request& request, std::uint64_t id) {
    wire::Envelope envelope;
    envelope.set_id(id);
    *envelope.mutable_request() = request;
    return Received{link.id, wire::encode(envelope), 0};
  };
  const auto ack = [&](Link& link) {
    wire::Request request;
    request.mutable_ack()->set_ack_no(seq);
    auto& cursor = *request.mutable_ack()->add_cursors();
    cursor.set_chat_id(to_string_bytes(group.id));
    cursor.set_seq(seq);
    return frame(link, request, 0);
  };
  step({ack(alice), ack(bob)});

  std::uint64_t allocations = 0;
  const auto statements = sotto::test::statements_of(0);
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<Input> sends;
    for (std::size_t i = 0; i < batch; ++i) {
      ++n;
      sends.emplace_back(frame(alice, message_request(world, group, n, std::string(200, 'x')), n));
    }
    seq += batch;
    std::vector<Input> acks{ack(alice), ack(bob)};
    const sotto::test::Counting counting;
    REQUIRE(step(std::move(sends)) == 2);
    step(std::move(acks));
    allocations += sotto::test::Counting::allocations();
  }
  // What waits for the common time of trims.
  world.now_ms += 1000;
  step({});
  REQUIRE(backend->totals().entries == 0);
  const auto messages = static_cast<double>(rounds * batch);
  const Cost cost{static_cast<double>(sotto::test::statements_of(0) - statements) / messages,
                  static_cast<double>(allocations) / messages};
  std::cout << batch << " at once: " << cost.statements << " statements, " << cost.allocations
            << " allocations a message\n";
  return cost;
}

}  // namespace

TEST_CASE("One message at a time costs the relay a bounded number of statements and allocations") {
  const auto cost = cost_of(200, 1);
  CHECK(cost.statements <= 8.9);
  CHECK(cost.allocations <= 231);
}

TEST_CASE("Messages that come together share what they cost the relay") {
  const auto cost = cost_of(30, 32);
  CHECK(cost.statements <= 0.29);
  CHECK(cost.allocations <= 86);
}
