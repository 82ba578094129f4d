// What messages cost clients. The relay's core is in the same process, over its backend in memory: its allocations are
// in the sums, its storage has no statements. Bounds as in relay_test.cpp.
#include <iostream>

#include "counts/counting.h"
#include "support/catch.h"
#include "support/testnet.h"

using namespace sotto;
using namespace sotto::test;

namespace {

constexpr std::size_t messages = 200;

struct Cost {
  double statements = 0;
  double allocations = 0;
};

/// Of everything that `what` sets off, a message; statements of the device that was the n-th to be made.
Cost cost_of(const char* name, std::size_t device, const std::function<void()>& what) {
  const auto before = statements_of(device);
  std::uint64_t allocations = 0;
  {
    const Counting counting;
    what();
    allocations = Counting::allocations();
  }
  const Cost cost{static_cast<double>(statements_of(device) - before) / static_cast<double>(messages),
                  static_cast<double>(allocations) / static_cast<double>(messages)};
  std::cout << name << ": " << cost.statements << " statements, " << cost.allocations << " allocations a message\n";
  return cost;
}

}  // namespace

TEST_CASE("Writing, sending and receiving a message cost clients a bounded number of statements and allocations") {
  forget_statements();
  TestNet net(1);
  auto& alice = net.add("alice");
  auto& bob = net.add("bob");
  const auto chat = alice.direct_chat(bob);
  alice.send(chat, "hello");
  REQUIRE(net.settle());
  bob.send(chat, "hi");
  REQUIRE(net.settle());

  alice.go_offline();
  bob.go_offline();
  net.run_for(std::chrono::milliseconds(1000));
  const auto write = cost_of("written", 0, [&] {
    for (std::size_t i = 0; i < messages; ++i) alice.send(chat, "a text of usual length, of some forty bytes");
    net.run_for(std::chrono::milliseconds(100));
  });
  CHECK(write.statements <= 8.8);
  CHECK(write.allocations <= 14);

  const auto send = cost_of("sent", 0, [&] {
    alice.go_online();
    REQUIRE(net.run_until([&] { return alice.quiet(); }));
  });
  CHECK(send.statements <= 26.4);
  CHECK(send.allocations <= 295);

  const auto receive = cost_of("received", 1, [&] {
    bob.go_online();
    REQUIRE(net.run_until([&] { return bob.count(MessageKind::text, chat) == messages + 2; }));
  });
  CHECK(receive.statements <= 11.4);
  CHECK(receive.allocations <= 178);
}
