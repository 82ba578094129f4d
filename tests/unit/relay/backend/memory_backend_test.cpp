// What only the form in memory offers: faults on demand, late completions, a disk that survives.
#include "relay/backend/memory_backend.h"

#include "forms.h"

namespace sotto::relay::test {
namespace {

TEST_CASE("the n-th write fails, and with it its run", "[backend][memory]") {
  SeededRandom random(1);
  MemoryBackend backend(random);
  Calls calls(backend);
  backend.fail_write(3);
  CHECK(calls.append(log_id(1), 0, text("a")).ok());
  CHECK(calls.load(log_id(1)).ok());  // a read does not count
  std::vector<std::optional<ErrorCode>> codes;
  for (std::uint64_t last = 1; last < 4; ++last) {
    backend.append(log_id(1), last, text("b"), [&](auto done) { codes.push_back(done.code()); });
  }
  backend.run();
  CHECK(codes == std::vector<std::optional<ErrorCode>>(3, ErrorCode::IO_ERROR));
  CHECK(calls.load(log_id(1))->last == 1);
  CHECK(*calls.append(log_id(1), 1, text("c")) == 2);
  CHECK(backend.writes() == 2);
}

TEST_CASE("the next run with writes fails, once", "[backend][memory]") {
  SeededRandom random(1);
  MemoryBackend backend(random);
  Calls calls(backend);
  backend.fail_next_run(ErrorCode::DISK_FULL);
  CHECK(calls.get(text("k")).ok());
  CHECK(calls.put(text("k"), text("v")).code() == ErrorCode::DISK_FULL);
  CHECK(calls.put(text("k"), text("v")).ok());
}

TEST_CASE("completions that come late come in order", "[backend][memory]") {
  SeededRandom random(1);
  MemoryBackend backend(random);
  std::vector<std::uint64_t> got;
  const auto append = [&](std::uint64_t last) {
    backend.append(log_id(1), last, text("a"), [&](auto seq) { got.push_back(*seq); });
  };
  using Seqs = std::vector<std::uint64_t>;
  backend.delay_completions(2);
  append(0);
  backend.run();
  append(1);
  backend.run();
  CHECK(got.empty());
  CHECK_FALSE(backend.idle());
  backend.delay_completions(0);
  append(2);
  backend.run();
  CHECK(got == Seqs{1});  // the third has its result, and waits for the second's
  backend.run();
  CHECK(got == Seqs{1, 2, 3});
  CHECK(backend.idle());
  CHECK(backend.runs() == 4);
}

TEST_CASE("a copy of the disk is a store of its own", "[backend][memory]") {
  SeededRandom random(1);
  const auto disk = std::make_shared<MemoryStore>(random);
  MemoryBackend first(disk);
  REQUIRE(Calls(first).append(log_id(1), 0, text("a")).ok());
  MemoryBackend second(disk->restored(random));
  CHECK(second.incarnation() != first.incarnation());
  CHECK(*Calls(second).append(log_id(1), 1, text("b")) == 2);
  CHECK(Calls(first).load(log_id(1))->last == 1);
}

}  // namespace
}  // namespace sotto::relay::test
