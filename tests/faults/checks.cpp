#include "faults/checks.h"

#include "client/tables/media_table.h"
#include "support/catch.h"
#include "support/must.h"
#include "wire/limits.h"

namespace sotto::test {

namespace {

std::string text_of(const Status& status) {
  if (status.ok()) return {};
  return std::string(error_name(status.error().code)) + ": " + status.error().message;
}

}  // namespace

bool is_storage_error(const Error& error) {
  return error.code == ErrorCode::IO_ERROR || error.code == ErrorCode::DISK_FULL ||
         error.code == ErrorCode::OUT_OF_MEMORY;
}

std::unique_ptr<sim::Disk> disk_of(const Scene& scene, std::uint64_t seed) {
  auto disk = std::make_unique<sim::Disk>(seed);
  for (const auto& [name, bytes] : scene.files) put_file(*disk, name, bytes);
  return disk;
}

std::shared_ptr<Call> call(Stage& stage, const Scenario& scenario) {
  stage.leaves = scenario.leaves;
  return stage.call(scenario.wish);
}

void open_without_faults(Stage& stage) {
  const auto status = stage.open();
  INFO(text_of(status));
  REQUIRE(status.ok());
}

void check_memory(Stage& stage) {
  const auto same = stage.engine->compare_with_store();
  INFO(text_of(same));
  REQUIRE(same.ok());
}

/// The account is gone, or what the app was told of its end was an error: then it asks once more.
void finish_leaving(Stage& stage, const Scenario& scenario, const Call* first) {
  const bool gone = stage.settle();
  if (first != nullptr) {
    REQUIRE(first->completions == 1);
    if (!first->error) REQUIRE(gone);
    if (first->error) REQUIRE(is_storage_error(*first->error));
  }
  if (gone) return;
  const auto again = test::call(stage, scenario);
  REQUIRE(stage.settle());
  REQUIRE(again->completions == 1);
  REQUIRE_FALSE(again->error);
}

/// Each file of an attachment has its row.
void check_files(Stage& stage) {
  if (stage.disk() == nullptr) return;
  const auto folder = stage.place().media + "/";
  for (const auto& file : stage.disk()->files()) {
    if (!file.starts_with(folder)) continue;
    INFO(file);
    REQUIRE(must(client::MediaTable(*stage.db).find(std::stoll(file.substr(folder.size())))).has_value());
  }
}

void finish(Stage& stage, const Scenario& scenario, const Call* first) {
  if (scenario.leaves) return finish_leaving(stage, scenario, first);
  if (!scenario.wish) {
    REQUIRE(stage.settle());
    return;
  }
  // A device without an account comes online only if it gets one.
  if (scenario.has_account || (first != nullptr && first->completions == 0)) REQUIRE(stage.settle());
  if (first != nullptr) {
    REQUIRE(first->completions == 1);
    if (!first->error) return;
    INFO(text_of(*first->error));
    // A question to the relay is given up after a while, whatever is in its way.
    REQUIRE((is_storage_error(*first->error) || first->error->code == ErrorCode::UNAVAILABLE));
  }
  check_files(stage);
  const auto again = test::call(stage, scenario);
  REQUIRE(stage.settle());
  REQUIRE(again->completions == 1);
  // After a crash it may be stored, though nobody was told.
  if (again->error) REQUIRE((first == nullptr && again->error->code == ErrorCode::ALREADY_EXISTS));
}

std::string end_of(Stage& stage, const Scenario& scenario) {
  REQUIRE(stage.settle());
  check_memory(stage);
  stage.pass(wire::limits::ack_interval + std::chrono::milliseconds(1));
  stage.cut();
  const auto pushes = stage.pushes;
  REQUIRE(stage.settle());
  REQUIRE(stage.pushes == pushes);
  return describe(*stage.db, stage.place(), scenario.scene.self);
}

std::string end_without_faults(const Scenario& scenario) {
  const auto disk = disk_of(scenario.scene, 1);
  Stage stage(scenario.scene, {store_path, disk->vfs_name()}, disk.get());
  open_without_faults(stage);
  if (scenario.wish) {
    if (scenario.has_account) REQUIRE(stage.settle());
    const auto call = test::call(stage, scenario);
    REQUIRE(stage.settle());
    REQUIRE(call->completions == 1);
    REQUIRE_FALSE(call->error);
  }
  return end_of(stage, scenario);
}

}  // namespace sotto::test
