// Opening and migrating a store while the disk fails, or loses power, at the Nth operation, for every N.
#include <iostream>

#include "client/schema.h"
#include "faults/checks.h"
#include "store/migrations.h"
#include "support/catch.h"

using namespace sotto;
using namespace sotto::test;

namespace {

constexpr std::int32_t application = 0x54455354;
constexpr std::array<store::Migration, 2> two_steps = {
    {{1, "CREATE TABLE first(a INTEGER) STRICT; INSERT INTO first VALUES(1), (2)"},
     {2,
      "ALTER TABLE first ADD COLUMN b INTEGER; UPDATE first SET b = a * 10; CREATE TABLE second(c INTEGER) STRICT"}}};

using Database = std::unique_ptr<store::Database>;

/// Something that is done on a disk with these files, and what must be there once it is done.
struct Task {
  std::string name;
  Files files;
  std::function<Status(const std::string& vfs)> work;
  std::function<std::string(const std::string& vfs)> result;
};

std::int64_t count(store::Database& db, const char* what) {
  const auto found = db.one<std::int64_t>(std::string("SELECT count(*) FROM ") + what);
  return found.ok() ? found->value_or(-1) : -1;
}

std::string checked(store::Database& db) {
  const auto sound = db.one<std::string>("PRAGMA integrity_check");
  return sound.ok() ? sound->value_or("") : sound.error().message;
}

Result<Database> open_store(const std::string& vfs) {
  return client::open_store(store_path, vfs, store::Sharing::no_lease);
}

Result<Database> open_file(const std::string& vfs) {
  store::OpenOptions options;
  options.vfs = vfs;
  return store::Database::open(store_path, options);
}

Status opened(Result<Database> db) { return db.ok() ? Status() : Status(db.error()); }

std::string store_content(const std::string& vfs) {
  const auto db = open_store(vfs);
  REQUIRE(db.ok());
  return checked(**db) + " objects " + std::to_string(count(**db, "sqlite_schema")) + " users " +
         std::to_string(count(**db, "user"));
}

Status migrate_in_two_steps(const std::string& vfs) {
  SOTTO_TRY_ASSIGN(const auto db, open_file(vfs));
  const auto status = store::migrate(*db, two_steps, application);
  const auto version = store::schema_version(*db);
  // A step is there as a whole or not at all, also while the disk is ill; unless it cannot even be read.
  if (!version.ok()) return status;
  const auto columns = db->one<std::int64_t>("SELECT count(*) FROM pragma_table_info('first')");
  const auto tables = db->one<std::int64_t>("SELECT count(*) FROM sqlite_schema");
  if (!columns.ok() || !tables.ok()) return status;
  REQUIRE(*columns == *version);
  REQUIRE(*tables == *version);
  if (status.ok()) REQUIRE(*version == 2);
  return status;
}

std::string migrated_content(const std::string& vfs) {
  REQUIRE(migrate_in_two_steps(vfs).ok());
  const auto db = open_file(vfs);
  REQUIRE(db.ok());
  return checked(**db) + " rows " + std::to_string(count(**db, "first WHERE b = a * 10")) + " in second " +
         std::to_string(count(**db, "second"));
}

/// A store whose process died: the last transactions are in its WAL only.
Files left_by_a_crash() {
  sim::Disk disk(1);
  const auto db = open_store(disk.vfs_name());
  REQUIRE(db.ok());
  for (int i = 0; i < 40; ++i) {
    REQUIRE((*db)
                ->run("INSERT INTO user(user_id, identity_key, list_version, first_seen) VALUES(?, ?, 1, 1)",
                      Bytes(32, static_cast<std::uint8_t>(i)), Bytes(32))
                .ok());
  }
  Files out;
  for (const auto& name : disk.files()) out.emplace_back(name, disk.content(name));
  REQUIRE(out.size() == 2);
  return out;
}

const std::vector<Task>& tasks() {
  static const std::vector<Task> all = {
      {"open a new store", {}, [](const std::string& vfs) { return opened(open_store(vfs)); }, store_content},
      {"open after a crash", left_by_a_crash(), [](const std::string& vfs) { return opened(open_store(vfs)); },
       store_content},
      {"migrate", {}, migrate_in_two_steps, migrated_content},
  };
  return all;
}

std::unique_ptr<sim::Disk> disk_with(const Files& files, std::uint64_t seed) {
  auto disk = std::make_unique<sim::Disk>(seed);
  for (const auto& [name, bytes] : files) put_file(*disk, name, bytes);
  return disk;
}

std::string result_without_faults(const Task& task) {
  const auto disk = disk_with(task.files, 1);
  REQUIRE(task.work(disk->vfs_name()).ok());
  return task.result(disk->vfs_name());
}

}  // namespace

TEST_CASE("a store is opened and migrated while every operation of its disk fails") {
  for (const auto lasts : {Lasts::once, Lasts::until_healed}) {
    for (const auto& task : tasks()) {
      const auto expected = result_without_faults(task);
      std::cout << task.name << (lasts == Lasts::once ? ", fails once:" : ", fails until healed:");
      for (const auto& kind : fault_kinds) {
        if (!kind.op && lasts == Lasts::once) continue;  // each is in another kind
        const auto came = for_every_n([&](std::uint64_t nth) {
          INFO(task.name << ": " << kind.name << " " << nth);
          const auto disk = disk_with(task.files, nth);
          disk->powersafe_overwrite = true;  // With forgetting syncs: see disk.h.
          DiskFault fault(*disk, kind, nth, lasts);
          const auto status = task.work(disk->vfs_name());
          if (!status.ok()) {
            INFO(error_name(status.error().code) << ": " << status.error().message);
            REQUIRE(is_storage_error(status.error()));
            REQUIRE(fault.fired() > 0);
          }
          fault.heal();
          REQUIRE(task.result(disk->vfs_name()) == expected);
          return fault.fired() > 0;
        });
        if (came > 0) std::cout << " " << kind.name << " " << came;
      }
      std::cout << std::endl;
    }
  }
}

TEST_CASE("a store is opened and migrated while the power is cut at every operation") {
  for (const auto& task : tasks()) {
    const auto expected = result_without_faults(task);
    const auto came = for_every_n([&](std::uint64_t nth) {
      INFO(task.name << ": power cut " << nth);
      const auto disk = disk_with(task.files, nth);
      DiskFault fault(*disk, DiskFault::power_cut, nth);
      static_cast<void>(task.work(disk->vfs_name()));
      fault.heal();
      if (disk->dead()) disk->start();
      REQUIRE(task.result(disk->vfs_name()) == expected);
      return fault.fired() > 0;
    });
    std::cout << task.name << ", power cuts: " << came << std::endl;
  }
}
