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

TEST_CASE("one run is under way at a time, and what is called for meanwhile waits", "[backend][memory]") {
  SeededRandom random(1);
  MemoryBackend backend(random);
  std::vector<std::uint64_t> got;
  const auto append = [&](std::uint64_t last) {
    backend.append(log_id(1), last, text("a"), [&](auto seq) { got.push_back(*seq); });
  };
  using Seqs = std::vector<std::uint64_t>;
  backend.defer();
  append(0);
  backend.start();
  append(1);
  backend.start();
  CHECK_FALSE(backend.finish());
  CHECK(got.empty());
  CHECK_FALSE(backend.idle());
  backend.carry_out();
  CHECK(got.empty());
  CHECK(backend.finish());
  CHECK(got == Seqs{1});
  CHECK_FALSE(backend.waits_to_be_carried_out());
  backend.run();
  CHECK(got == Seqs{1, 2});
  CHECK(backend.idle());
}

TEST_CASE("queued writes can be failed instead of carried out; reads stay in the queue", "[backend][memory]") {
  SeededRandom random(1);
  MemoryBackend backend(random);
  std::vector<std::string> got;
  backend.append(log_id(1), 0, text("a"),
                 [&](auto seq) { got.emplace_back(seq.ok() ? "?" : error_name(*seq.code())); });
  backend.load(log_id(1), [&](auto state) { got.push_back("last " + std::to_string(state->last)); });
  backend.put(text("k"), text("v"), 0,
              [&](auto done) { got.emplace_back(done.ok() ? "?" : error_name(*done.code())); });
  backend.fail_writes(Error(ErrorCode::UNAVAILABLE));
  CHECK(got == std::vector<std::string>{"UNAVAILABLE", "UNAVAILABLE"});
  backend.run();
  CHECK(got.back() == "last 0");
  CHECK(backend.idle());
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
