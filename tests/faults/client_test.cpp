// The client's storage fails at the Nth operation of each kind, or loses power at the Nth of any, for every N.
#include <algorithm>
#include <iostream>

#include "faults/checks.h"
#include "support/catch.h"

using namespace sotto;
using namespace sotto::test;

namespace {

/// False if the Nth never came.
bool fail_nth(const Scenario& scenario, const FaultKind& kind, std::uint64_t nth, Lasts lasts,
              const std::string& expected) {
  const auto disk = disk_of(scenario.scene, nth);
  disk->powersafe_overwrite = true;  // With forgetting syncs: see disk.h.
  Stage stage(scenario.scene, {store_path, disk->vfs_name()}, disk.get());
  open_without_faults(stage);
  if (scenario.wish && scenario.has_account) REQUIRE(stage.settle());

  DiskFault fault(*disk, kind, nth, lasts);
  std::uint64_t known = 0;
  stage.after_step = [&] {
    if (fault.fired() == known) return;
    known = fault.fired();
    fault.armed = false;
    check_memory(stage);
    fault.armed = true;
  };
  std::shared_ptr<Call> call;
  if (scenario.wish) call = test::call(stage, scenario);
  static_cast<void>(stage.settle(std::chrono::minutes(1)));
  const auto checkpoint = stage.db->checkpoint(store::Checkpoint::truncate);
  if (!checkpoint.ok()) REQUIRE(is_storage_error(checkpoint.error()));
  const bool came = fault.fired() > 0;
  fault.heal();
  stage.after_step = nullptr;

  finish(stage, scenario, call.get());
  REQUIRE(end_of(stage, scenario) == expected);
  return came;
}

/// False if the Nth never came.
bool cut_power_at_nth(const Scenario& scenario, std::uint64_t nth, const std::string& expected) {
  const auto disk = disk_of(scenario.scene, nth);
  Stage stage(scenario.scene, {store_path, disk->vfs_name()}, disk.get());
  open_without_faults(stage);
  if (scenario.wish && scenario.has_account) REQUIRE(stage.settle());

  DiskFault fault(*disk, DiskFault::power_cut, nth);
  std::shared_ptr<Call> call;
  if (scenario.wish) call = test::call(stage, scenario);
  static_cast<void>(stage.settle());
  if (stage.db) static_cast<void>(stage.db->checkpoint(store::Checkpoint::truncate));
  const bool came = fault.fired() > 0;
  fault.heal();
  if (call) REQUIRE(call->completions <= 1);
  if (came) {
    REQUIRE(disk->dead());
    stage.end_process();
    disk->start();
    open_without_faults(stage);
  }
  // An app asks again for what it was not told of, and only for that: what it was told of must be there.
  const bool told = call && call->completions == 1;
  finish(stage, scenario, told ? call.get() : nullptr);
  REQUIRE(end_of(stage, scenario) == expected);
  return came;
}

void fail_everything(Lasts lasts, const char* how) {
  for (const auto& scenario : scenarios()) {
    const auto expected = end_without_faults(scenario);
    std::cout << scenario.name << ", " << how << ":";
    for (const auto& kind : fault_kinds) {
      if (!kind.op && lasts == Lasts::once) continue;  // each is in another kind
      const auto came = for_every_n([&](std::uint64_t nth) {
        INFO(scenario.name << ": " << kind.name << " " << nth);
        return fail_nth(scenario, kind, nth, lasts, expected);
      });
      if (came > 0) std::cout << " " << kind.name << " " << came;
    }
    std::cout << std::endl;
  }
}

}  // namespace

TEST_CASE("the scenarios with attachments end with their files") {
  for (const auto* name : {"send an attachment", "receive an attachment"}) {
    const auto& scenario = *std::ranges::find(scenarios(), name, &Scenario::name);
    const auto picture = " attachment=" + std::to_string(static_cast<int>(AttachmentState::present)) + " " +
                         to_hex(crypto::sha256(scenario_picture()).view());
    CHECK(end_without_faults(scenario).find(picture) != std::string::npos);
  }
}

TEST_CASE("the client's storage fails once, at every operation") { fail_everything(Lasts::once, "fails once"); }

TEST_CASE("the client's storage fails from any operation on, until it is healed") {
  fail_everything(Lasts::until_healed, "fails until healed");
}

TEST_CASE("the client's machine loses power at every operation") {
  for (const auto& scenario : scenarios()) {
    const auto expected = end_without_faults(scenario);
    const auto came = for_every_n([&](std::uint64_t nth) {
      INFO(scenario.name << ": power cut " << nth);
      return cut_power_at_nth(scenario, nth, expected);
    });
    std::cout << scenario.name << ", power cuts: " << came << std::endl;
  }
}

TEST_CASE("what the app wants of the network counts, although the step that brought it was undone") {
  const auto& scenario = *std::ranges::find(scenarios(), "send", &Scenario::name);
  const auto disk = disk_of(scenario.scene, 1);
  Stage stage(scenario.scene, {store_path, disk->vfs_name()}, disk.get());
  open_without_faults(stage);
  REQUIRE(stage.settle());
  const auto connection = [&] { return stage.connection(); };
  {
    store::OpenOptions options;
    options.vfs = disk->vfs_name();
    auto other = store::Database::open(store_path, options);
    REQUIRE(other.ok());
    REQUIRE((*other)->run("BEGIN IMMEDIATE").ok());  // The store is locked: no step can begin.
    stage.command(client::DisconnectCommand{});
    static_cast<void>(stage.settle(std::chrono::minutes(1)));
    CHECK(connection() == ConnectionState::offline);
    REQUIRE((*other)->run("ROLLBACK").ok());
  }
  static_cast<void>(stage.settle(std::chrono::minutes(10)));
  CHECK(connection() == ConnectionState::offline);
  stage.command(client::ConnectCommand{});
  REQUIRE(stage.settle());
  CHECK(connection() == ConnectionState::online);
}
