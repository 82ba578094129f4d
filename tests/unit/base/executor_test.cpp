#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/manual_executor.h"
#include "base/serial_executor.h"
#include "support/catch.h"

using namespace sotto;

namespace {

std::unique_ptr<SerialExecutor> started() {
  auto executor = SerialExecutor::start();
  REQUIRE(executor.ok());
  return std::move(executor).value();
}

/// What happened, in order, told from several threads.
class Journal {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Calls a function when the last copy of what holds it is destroyed.
std::shared_ptr<void> at_destruction(std::function<void()> then) {
  return {nullptr, [then = std::move(then)](void*) { then(); }};
}

}  // namespace

TEST_CASE("a serial executor runs tasks in order on a thread of its own") {
  Journal journal;
  std::thread::id thread;
  {
    const auto executor = started();
    executor->post([&] { thread = std::this_thread::get_id(); });
    for (int i = 0; i < 100; ++i) {
      executor->post(
          [&, i] { journal.add(std::to_string(i) + (executor->on_own_thread() ? "" : " on another thread")); });
    }
    CHECK_FALSE(executor->on_own_thread());
  }
  CHECK(thread != std::thread::id());
  CHECK(thread != std::this_thread::get_id());
  const auto lines = journal.lines();
  REQUIRE(lines.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(lines[i] == std::to_string(i));
}

TEST_CASE("a task posted from a task runs after it, not within it") {
  Journal journal;
  std::promise<void> done;
  const auto executor = started();
  executor->post([&] {
    executor->post([&] {
      journal.add("inner");
      done.set_value();
    });
    journal.add("outer ends");
  });
  done.get_future().get();
  CHECK(journal.lines() == std::vector<std::string>{"outer ends", "inner"});
}

TEST_CASE("tasks of each posting thread keep their order, and none is lost") {
  constexpr int threads = 4;
  constexpr int each = 500;
  std::vector<std::vector<int>> seen(threads);  // touched by the executor's thread only
  {
    const auto executor = started();
    std::vector<std::thread> posters;
    for (std::size_t t = 0; t < threads; ++t) {
      posters.emplace_back([&, t] {
        for (int i = 0; i < each; ++i) executor->post([&, t, i] { seen[t].push_back(i); });
      });
    }
    for (auto& poster : posters) poster.join();
  }
  for (const auto& of_thread : seen) {
    REQUIRE(of_thread.size() == each);
    CHECK(std::ranges::is_sorted(of_thread));
  }
}

TEST_CASE("destroyed from outside, a serial executor first runs what was posted") {
  std::promise<void> gate;
  std::atomic<int> ran = 0;
  auto executor = started();
  executor->post([&] { gate.get_future().get(); });
  for (int i = 0; i < 10; ++i) executor->post([&] { ++ran; });
  gate.set_value();
  executor.reset();
  CHECK(ran == 10);
}

TEST_CASE("a task that posts itself for ever does not hold up the destruction") {
  auto executor = started();
  auto* const raw = executor.get();  // `reset` empties the pointer before it destroys
  std::promise<void> running;
  std::function<void()> again = [&] { raw->post(again); };
  executor->post([&] {
    again();
    running.set_value();
  });
  running.get_future().get();
  executor.reset();
  SUCCEED("the destructor came back");
}

TEST_CASE("a serial executor may be destroyed by one of its own tasks") {
  auto journal = std::make_shared<Journal>();
  std::promise<void> gate;
  std::promise<void> ended;
  auto dropped = ended.get_future();
  {
    auto shared = std::make_shared<std::unique_ptr<SerialExecutor>>(started());
    auto* const executor = shared->get();
    executor->post([&gate, shared, journal] {
      gate.get_future().get();
      shared->reset();
      journal->add("the task goes on after it destroyed its executor");
    });
    executor->post([journal, token = at_destruction([journal, &ended] {
                               journal->add("the next one is dropped");
                               ended.set_value();
                             })] { journal->add("the next one runs"); });
  }
  gate.set_value();
  dropped.get();
  CHECK(journal->lines() ==
        std::vector<std::string>{"the task goes on after it destroyed its executor", "the next one is dropped"});
}

TEST_CASE("a serial executor may be destroyed by what one of its tasks holds") {
  std::promise<void> gate;
  std::promise<void> ended;
  auto gone = ended.get_future();
  {
    std::shared_ptr<SerialExecutor> executor = started();
    auto token = at_destruction([&ended] { ended.set_value(); });
    executor->post([&gate, executor, token = std::move(token)] { gate.get_future().get(); });
  }
  gate.set_value();  // The task holds the last reference; it ends with the task, on the executor's own thread.
  gone.get();
  SUCCEED("the task and what it held are gone");
}

TEST_CASE("a manual executor runs tasks when it is told to") {
  ManualExecutor executor;
  std::vector<int> ran;
  executor.post([&] { ran.push_back(1); });
  executor.post([&] {
    ran.push_back(2);
    executor.post([&] { ran.push_back(4); });
  });
  executor.post([&] { ran.push_back(3); });
  CHECK(ran.empty());
  CHECK(executor.waiting() == 3);
  CHECK(executor.run_one());
  CHECK(ran == std::vector<int>{1});
  CHECK(executor.run_all() == 3);
  CHECK(ran == std::vector<int>{1, 2, 3, 4});
  CHECK(executor.waiting() == 0);
  CHECK_FALSE(executor.run_one());
  CHECK(executor.run_all() == 0);
}

TEST_CASE("a manual executor drops what is left at its end") {
  bool ran = false;
  bool destroyed = false;
  {
    ManualExecutor executor;
    executor.post([&ran, token = at_destruction([&] { destroyed = true; })] { ran = true; });
  }
  CHECK_FALSE(ran);
  CHECK(destroyed);
}
