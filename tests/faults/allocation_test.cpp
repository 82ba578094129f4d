// The Nth allocation of the client fails, in C++ or in SQLite. There are some 55,000, which takes minutes: with
// SOTTO_FAULTS=all in the environment for every N, else for every fifth (C++) or eleventh (SQLite), or less often where
// SQLite makes a store, of whose 20,000 most are of one migration as of another.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "faults/checks.h"
#include "support/catch.h"

using namespace sotto;
using namespace sotto::test;

namespace {

/// A folder of the system's, in memory where there is one: the simulated disk allocates, too, and would fail itself.
class Folder {
 public:
  Folder() {
    for (const auto* parent : {"/dev/shm", "/tmp"}) {
      path_ = std::string(parent) + "/sotto-faults-XXXXXX";
      if (::mkdtemp(path_.data()) != nullptr) return;
    }
    FAIL("no folder for temporary files");
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  /// Empties it but for these.
  void fill(const Files& files) const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) std::filesystem::remove_all(entry.path());
    std::filesystem::create_directory(path_ + "/media");
    for (const auto& [name, bytes] : files) {
      std::ofstream out(path_ + name, std::ios::binary);
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      REQUIRE(out.good());
    }
  }
  [[nodiscard]] Place place() const { return {path_ + store_path, {}, path_ + "/media"}; }

 private:
  std::string path_;
};

std::uint64_t step_of(Allocator allocator, std::uint64_t of_sqlite = 11) {
  const char* which = std::getenv("SOTTO_FAULTS");
  if (which != nullptr && std::string_view(which) == "all") return 1;
  return allocator == Allocator::cpp ? 5 : of_sqlite;
}

constexpr const char* name_of(Allocator allocator) { return allocator == Allocator::cpp ? "C++" : "SQLite"; }

bool open_fails_at(const Folder& folder, const Scenario& scenario, Allocator allocator, std::uint64_t nth,
                   const std::string& expected) {
  folder.fill(scenario.scene.files);
  Stage stage(scenario.scene, folder.place(), nullptr);
  bool came = false;
  bool opened = false;
  {
    AllocationFault fault(allocator, nth);
    stage.arm_allocations = true;
    const auto status = stage.open();
    stage.arm_allocations = false;
    came = fault.fired();
    opened = status.ok();
    if (!opened) REQUIRE(status.error().code == ErrorCode::OUT_OF_MEMORY);
  }
  if (!opened) open_without_faults(stage);
  finish(stage, scenario, nullptr);
  REQUIRE(end_of(stage, scenario) == expected);
  return came;
}

bool fails_at(const Folder& folder, const Scenario& scenario, Allocator allocator, std::uint64_t nth,
              const std::string& expected) {
  folder.fill(scenario.scene.files);
  Stage stage(scenario.scene, folder.place(), nullptr);
  open_without_faults(stage);
  if (scenario.wish && scenario.has_account) REQUIRE(stage.settle());

  bool came = false;
  std::shared_ptr<Call> call;
  {
    AllocationFault fault(allocator, nth);
    stage.arm_allocations = true;
    stage.after_step = [&] {
      if (fault.fired() && !came) check_memory(stage);
      came = fault.fired();
    };
    if (scenario.wish) call = test::call(stage, scenario);
    static_cast<void>(stage.settle(std::chrono::minutes(1)));
    stage.arm_allocations = false;
    stage.after_step = nullptr;
  }
  finish(stage, scenario, call.get());
  REQUIRE(end_of(stage, scenario) == expected);
  return came;
}

}  // namespace

TEST_CASE("the client runs out of memory once, at any allocation of a step") {
  const Folder folder;
  for (const auto& scenario : scenarios()) {
    const auto expected = end_without_faults(scenario);
    std::cout << scenario.name << ", out of memory:";
    for (const auto allocator : {Allocator::cpp, Allocator::sqlite}) {
      const auto came = for_every_n(
          [&](std::uint64_t nth) {
            INFO(scenario.name << ": " << name_of(allocator) << " " << nth);
            return fails_at(folder, scenario, allocator, nth, expected);
          },
          step_of(allocator));
      std::cout << " " << name_of(allocator) << " " << came;
    }
    std::cout << std::endl;
  }
}

TEST_CASE("the client runs out of memory once, at any allocation of its opening") {
  const Folder folder;
  for (const auto* name : {"register", "receive"}) {
    const auto& scenario = *std::ranges::find(scenarios(), name, &Scenario::name);
    const auto expected = end_without_faults(scenario);
    std::cout << (scenario.has_account ? "open" : "open a new store") << ", out of memory:";
    for (const auto allocator : {Allocator::cpp, Allocator::sqlite}) {
      const auto came = for_every_n(
          [&](std::uint64_t nth) {
            INFO(scenario.name << ": " << name_of(allocator) << " " << nth);
            return open_fails_at(folder, scenario, allocator, nth, expected);
          },
          step_of(allocator, scenario.has_account ? 11 : 97));
      std::cout << " " << name_of(allocator) << " " << came;
    }
    std::cout << std::endl;
  }
}
